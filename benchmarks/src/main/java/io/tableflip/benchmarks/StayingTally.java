package io.tableflip.benchmarks;

import io.tableflip.benchmarks.StayingRecord.Wait;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Counts what {@link StayingClients} see. Only for their event loop. */
final class StayingTally {
    /** Shorter waits are not kept. */
    private static final long SHORTEST_WAIT = TimeUnit.MILLISECONDS.toNanos(1);

    private final List<Wait> waits = new ArrayList<>();
    private long connections;
    private long ended;
    private long requests;
    private long lost;
    private long lostBehindClose;
    private long doubled;
    private long reordered;
    private long wrong;

    void connected() {
        connections++;
    }

    void ended() {
        ended++;
    }

    void sent() {
        requests++;
    }

    void waited(long sentNanos, long answeredNanos) {
        if (answeredNanos - sentNanos >= SHORTEST_WAIT) {
            waits.add(new Wait(sentNanos, answeredNanos));
        }
    }

    void lost(int count, boolean behindClose) {
        lost += count;
        lostBehindClose += behindClose ? count : 0;
    }

    void doubled() {
        doubled++;
    }

    void reordered() {
        reordered++;
    }

    void wrong() {
        wrong++;
    }

    StayingRecord record() {
        return new StayingRecord(
                connections, ended, requests, lost, lostBehindClose, doubled, reordered, wrong, List.copyOf(waits));
    }
}
