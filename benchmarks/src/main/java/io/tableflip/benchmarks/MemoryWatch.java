package io.tableflip.benchmarks;

import java.util.Collection;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Looks at the memory of a server again and again, and keeps the peak. */
final class MemoryWatch implements AutoCloseable {
    private static final long EVERY_MILLIS = 200;

    private final Supplier<? extends Collection<Long>> pids;
    private final Thread thread = new Thread(this::watch, "memory");
    private volatile long peak;

    /** @param pids its processes, as they are at the moment of the call */
    MemoryWatch(Supplier<? extends Collection<Long>> pids) {
        this.pids = pids;
        thread.setDaemon(true);
        thread.start();
    }

    long peakKilobytes() {
        return peak;
    }

    private void watch() {
        try {
            while (true) {
                peak = Math.max(peak, Processes.proportionalKilobytes(pids.get()));
                TimeUnit.MILLISECONDS.sleep(EVERY_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the end of the watch
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
