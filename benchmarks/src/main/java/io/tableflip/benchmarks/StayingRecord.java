package io.tableflip.benchmarks;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What clients that never reconnect have seen, as it goes from their process to that of the benchmark.
 *
 * @param connections that were made
 * @param ended those that the server has closed, or has announced to close
 * @param requests that were sent whole
 * @param lost requests without an answer
 * @param lostBehindClose those of the lost ones that were pipelined behind one whose answer closes the
 *     connection
 * @param doubled answers with the number of a request that had been answered
 * @param reordered answers with any other number than that of the oldest request without an answer
 * @param wrong answers that are no success, or no HTTP
 * @param waits of busy clients for an answer, but for the shortest
 */
record StayingRecord(
        long connections,
        long ended,
        long requests,
        long lost,
        long lostBehindClose,
        long doubled,
        long reordered,
        long wrong,
        List<Wait> waits) {
    static final StayingRecord NOTHING = new StayingRecord(0, 0, 0, 0, 0, 0, 0, 0, List.of());

    /**
     * From a request to its answer, on the scale of {@link System#nanoTime}, which all processes of a machine
     * have in common.
     */
    record Wait(long sent, long answered) {
        long nanos() {
            return answered - sent;
        }
    }

    /** The longest part of a wait that lies between these times; 0 if there is none. */
    long longestWait(long from, long to) {
        return waits.stream()
                .mapToLong(wait -> Math.min(wait.answered(), to) - Math.max(wait.sent(), from))
                .reduce(0, Math::max);
    }

    /** The counts of both, and all waits. */
    StayingRecord plus(StayingRecord other) {
        List<Wait> all = new ArrayList<>(waits);
        all.addAll(other.waits);
        return new StayingRecord(
                connections + other.connections,
                ended + other.ended,
                requests + other.requests,
                lost + other.lost,
                lostBehindClose + other.lostBehindClose,
                doubled + other.doubled,
                reordered + other.reordered,
                wrong + other.wrong,
                all);
    }

    /** The requests that did not get their own answer, in their turn. */
    long failures() {
        return lost + doubled + reordered + wrong;
    }

    void write(Path file) throws IOException {
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
            for (long count :
                    new long[] {connections, ended, requests, lost, lostBehindClose, doubled, reordered, wrong}) {
                out.writeLong(count);
            }
            out.writeInt(waits.size());
            for (Wait wait : waits) {
                out.writeLong(wait.sent());
                out.writeLong(wait.answered());
            }
        }
    }

    static StayingRecord read(Path file) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            return new StayingRecord(
                    in.readLong(),
                    in.readLong(),
                    in.readLong(),
                    in.readLong(),
                    in.readLong(),
                    in.readLong(),
                    in.readLong(),
                    in.readLong(),
                    waits(in));
        }
    }

    private static List<Wait> waits(DataInputStream in) throws IOException {
        int count = in.readInt();
        List<Wait> waits = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            waits.add(new Wait(in.readLong(), in.readLong()));
        }
        return waits;
    }
}
