package io.tableflip.benchmarks;

import io.tableflip.examples.FailureKind;
import io.tableflip.examples.LoadCounts;
import io.tableflip.examples.LoadResult;
import io.tableflip.examples.LoadSample;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a load has seen, as it goes from the process of the client to that of the benchmark.
 *
 * @param kept what was sent on connections that are kept
 * @param fresh what got a new connection each
 * @param idleEofs connections that the server closed while nothing was under way on them
 * @param idleBroken connections that were reset, or got bytes, while nothing was under way on them
 * @param slipNanos how late, at most, the client was, for want of time of its own
 * @param details the first failures, in a sentence each
 */
record LoadRecord(
        List<Outcome> kept, List<Outcome> fresh, long idleEofs, long idleBroken, long slipNanos, List<String> details) {
    private static final String ANSWERED = "";

    static LoadRecord of(LoadResult result) {
        List<Outcome> kept = new ArrayList<>();
        List<Outcome> fresh = new ArrayList<>();
        result.samples().forEach(sample -> (sample.onNewConnection() ? fresh : kept).add(outcome(sample)));
        LoadCounts counts = result.counts();
        return new LoadRecord(
                kept,
                fresh,
                counts.idleEofs(),
                counts.failures().getOrDefault(FailureKind.IDLE_BROKEN, 0L),
                result.slip().toNanos(),
                result.details());
    }

    private static Outcome outcome(LoadSample sample) {
        return new Outcome(
                sample.intendedNanos(),
                sample.latencyNanos(),
                sample.failure().orElse(null),
                sample.server().pid());
    }

    /** All outcomes, in no order. */
    Stream<Outcome> outcomes() {
        return Stream.concat(kept.stream(), fresh.stream());
    }

    void write(Path file) throws IOException {
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
            out.writeLong(idleEofs);
            out.writeLong(idleBroken);
            out.writeLong(slipNanos);
            write(out, kept);
            write(out, fresh);
            out.writeInt(details.size());
            for (String detail : details) {
                out.writeUTF(detail);
            }
        }
    }

    private static void write(DataOutputStream out, List<Outcome> outcomes) throws IOException {
        out.writeInt(outcomes.size());
        for (Outcome outcome : outcomes) {
            out.writeLong(outcome.intendedNanos());
            out.writeLong(outcome.latencyNanos());
            FailureKind failure = outcome.failure();
            out.writeUTF(failure == null ? ANSWERED : failure.name());
            out.writeLong(outcome.pid());
        }
    }

    static LoadRecord read(Path file) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            long idleEofs = in.readLong();
            long idleBroken = in.readLong();
            long slip = in.readLong();
            List<Outcome> kept = outcomes(in);
            List<Outcome> fresh = outcomes(in);
            return new LoadRecord(kept, fresh, idleEofs, idleBroken, slip, details(in));
        }
    }

    private static List<String> details(DataInputStream in) throws IOException {
        int count = in.readInt();
        List<String> details = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            details.add(in.readUTF());
        }
        return details;
    }

    private static List<Outcome> outcomes(DataInputStream in) throws IOException {
        int count = in.readInt();
        List<Outcome> outcomes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            outcomes.add(new Outcome(in.readLong(), in.readLong(), failure(in.readUTF()), in.readLong()));
        }
        return outcomes;
    }

    private static @Nullable FailureKind failure(String name) {
        return name.equals(ANSWERED) ? null : FailureKind.valueOf(name);
    }
}
