package io.tableflip.examples;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts the outcomes. Thread-safe: the load writes, anybody reads. */
final class LoadTally {
    private static final int MAX_DETAILS = 50;

    private final long start;
    private final SampleLog log = new SampleLog();
    private final Map<FailureKind, Long> failures = new EnumMap<>(FailureKind.class);
    private final Map<ServerId, Long> byServer = new LinkedHashMap<>();
    private final List<String> details = new ArrayList<>();
    private long answered;
    private long idleEofs;
    private long told;
    private long connects;
    private long slip;

    LoadTally(long start) {
        this.start = start;
    }

    synchronized void answered(LoadRequest request, long now, ServerId server) {
        request.end();
        answered++;
        byServer.merge(server, 1L, Long::sum);
        log.answered(request, latency(request, now), server);
    }

    synchronized void failed(LoadRequest request, long now, FailureKind kind, String detail) {
        request.end();
        log.failed(request, latency(request, now), kind);
        broken(now, kind, "GET " + request.kind().path() + " " + detail);
    }

    /** A failure that no request has suffered. */
    synchronized void broken(long now, FailureKind kind, String detail) {
        failures.merge(kind, 1L, Long::sum);
        if (details.size() < MAX_DETAILS) {
            details.add(String.format("%+.3f s: %s: %s", (now - start) / 1e9, kind.label(), detail));
        }
    }

    synchronized void idleEof() {
        idleEofs++;
    }

    synchronized void told() {
        told++;
    }

    synchronized void connected() {
        connects++;
    }

    /** Notes that this client began to work at a request late, for want of time of its own. */
    synchronized void slipped(long nanos) {
        slip = Math.max(slip, nanos);
    }

    synchronized LoadCounts counts() {
        return new LoadCounts(
                answered,
                Collections.unmodifiableMap(new EnumMap<>(failures)),
                idleEofs,
                told,
                connects,
                Collections.unmodifiableMap(new LinkedHashMap<>(byServer)));
    }

    /** The end result; nothing may be counted after that. */
    synchronized LoadResult result(long end) {
        return new LoadResult(start, end, counts(), log, List.copyOf(details), slip);
    }

    private static long latency(LoadRequest request, long now) {
        return Math.max(0, now - request.intended() - request.kind().delayNanos());
    }
}
