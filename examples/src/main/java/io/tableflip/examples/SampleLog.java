package io.tableflip.examples;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Every sample of a load in some 20 bytes each: an hour's load fits into memory. Not thread-safe. */
final class SampleLog {
    private long[] intended = new long[1024];
    private long[] latency = new long[1024];
    private @Nullable FailureKind[] failure = new FailureKind[1024];
    private int size;

    void add(long intendedNanos, long latencyNanos, @Nullable FailureKind kind) {
        if (size == intended.length) {
            intended = Arrays.copyOf(intended, size * 2);
            latency = Arrays.copyOf(latency, size * 2);
            failure = Arrays.copyOf(failure, size * 2);
        }
        intended[size] = intendedNanos;
        latency[size] = latencyNanos;
        failure[size] = kind;
        size++;
    }

    Stream<LoadSample> stream() {
        return IntStream.range(0, size).mapToObj(i -> new LoadSample(intended[i], latency[i], failure[i]));
    }
}
