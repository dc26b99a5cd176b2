package io.tableflip.examples;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a {@link StrictLoad} has seen from the first request to the last. Immutable. */
public final class LoadResult {
    private final long start;
    private final long end;
    private final LoadCounts counts;
    private final SampleLog log;
    private final List<String> details;
    private final long slip;

    LoadResult(long start, long end, LoadCounts counts, SampleLog log, List<String> details, long slip) {
        this.start = start;
        this.end = end;
        this.counts = counts;
        this.log = log;
        this.details = details;
        this.slip = slip;
    }

    /** The numbers of the outcomes. */
    public LoadCounts counts() {
        return counts;
    }

    /** Whether nothing at all went wrong, and at least one request was answered. */
    public boolean isClean() {
        return counts.failed() == 0 && counts.answered() > 0;
    }

    /** Each of the first 50 failures in a sentence: when, what, on which connection. */
    public List<String> details() {
        return details;
    }

    /** The outcome of every request, in the order of the outcomes. */
    public Stream<LoadSample> samples() {
        return log.stream();
    }

    /** When the load began, in nanoseconds on the scale of {@link System#nanoTime}. */
    public long startNanos() {
        return start;
    }

    /** When the last outcome was known, on the same scale. */
    public long endNanos() {
        return end;
    }

    /** How late, at most, this client was with a request, for want of time of its own. It is part of the latencies. */
    public Duration slip() {
        return Duration.ofNanos(slip);
    }

    /** The latencies of all answered requests. */
    public Latencies latencies() {
        return latencies(sample -> true);
    }

    /** The latencies of some of the answered requests. */
    public Latencies latencies(Predicate<LoadSample> which) {
        return new Latencies(samples()
                .filter(sample -> sample.failure().isEmpty())
                .filter(which)
                .mapToLong(LoadSample::latencyNanos)
                .toArray());
    }

    /** Latencies in order. Immutable. */
    public static final class Latencies {
        private final long[] sorted;

        Latencies(long[] nanos) {
            sorted = nanos;
            Arrays.sort(sorted);
        }

        /** How many there are. */
        public int count() {
            return sorted.length;
        }

        /**
         * The latency that this share of the requests did not exceed.
         *
         * @param share 0.5 for the median, 1 for the maximum
         * @return zero if there are none
         */
        public Duration quantile(double share) {
            if (sorted.length == 0) {
                return Duration.ZERO;
            }
            int rank = (int) Math.ceil(share * sorted.length);
            return Duration.ofNanos(sorted[Math.max(1, Math.min(rank, sorted.length)) - 1]);
        }

        @Override
        public String toString() {
            return Stream.of(0.5, 0.99, 1.0)
                    .map(this::quantile)
                    .map(Durations::millis)
                    .collect(Collectors.joining(" / "));
        }
    }
}
