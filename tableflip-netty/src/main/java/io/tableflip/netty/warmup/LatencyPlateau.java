package io.tableflip.netty.warmup;

import java.util.Arrays;

/**
 * Tells when latencies no longer fall: when the medians of several windows in a row are all near the least
 * one that there was. Not thread-safe.
 */
final class LatencyPlateau {
    private static final int WINDOW = 200;
    private static final int WINDOWS = 5;
    private static final double NEAR = 1.1;

    private final long[] window = new long[WINDOW];
    private final long[] medians = new long[WINDOWS];
    private long count;
    private long first;
    private long least = Long.MAX_VALUE;

    /** Whether they have settled with this one. */
    boolean add(long nanos) {
        if (count == 0) {
            first = nanos;
        }
        window[(int) (count % WINDOW)] = nanos;
        count++;
        if (count % WINDOW != 0) {
            return false;
        }
        Arrays.sort(window);
        long median = window[WINDOW / 2];
        medians[(int) (count / WINDOW % WINDOWS)] = median;
        least = Math.min(least, median);
        return count >= WINDOW * WINDOWS && Arrays.stream(medians).allMatch(each -> each <= least * NEAR);
    }

    /** The very first latency, in nanoseconds. */
    long first() {
        return first;
    }

    /** The median of the last whole window, in nanoseconds; 0 if there was none. */
    long last() {
        return medians[(int) (count / WINDOW % WINDOWS)];
    }
}
