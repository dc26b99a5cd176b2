package io.tableflip.examples;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Every sample of a load in some 25 bytes each: an hour's load fits into memory. Not thread-safe. */
final class SampleLog {
    private long[] intended = new long[1024];
    private long[] latency = new long[1024];
    private boolean[] onNewConnection = new boolean[1024];
    private @Nullable FailureKind[] failure = new FailureKind[1024];
    private ServerId[] server = new ServerId[1024];
    private int size;

    /** @param by who answered: one object for each process, since this keeps it */
    void answered(LoadRequest request, long latencyNanos, ServerId by) {
        add(request, latencyNanos, null, by);
    }

    void failed(LoadRequest request, long latencyNanos, FailureKind kind) {
        add(request, latencyNanos, kind, ServerId.UNKNOWN);
    }

    private void add(LoadRequest request, long latencyNanos, @Nullable FailureKind kind, ServerId by) {
        if (size == intended.length) {
            grow();
        }
        intended[size] = request.intended();
        latency[size] = latencyNanos;
        onNewConnection[size] = request.onNewConnection();
        failure[size] = kind;
        server[size] = by;
        size++;
    }

    private void grow() {
        intended = Arrays.copyOf(intended, size * 2);
        latency = Arrays.copyOf(latency, size * 2);
        onNewConnection = Arrays.copyOf(onNewConnection, size * 2);
        failure = Arrays.copyOf(failure, size * 2);
        server = Arrays.copyOf(server, size * 2);
    }

    Stream<LoadSample> stream() {
        return IntStream.range(0, size)
                .mapToObj(i -> new LoadSample(intended[i], latency[i], onNewConnection[i], failure[i], server[i]));
    }
}
