package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.WarmUp;
import io.tableflip.core.log.Log;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A warm-up on a thread of its own, which is not waited for any longer when it was cut short. Thread-safe.
 */
final class WarmUpRun {
    private static final System.Logger LOG = Log.get();

    private final CompletableFuture<Void> over = new CompletableFuture<>();
    private final long began = System.nanoTime();
    private final Thread thread;

    WarmUpRun(WarmUp warmUp) {
        thread = new Thread(() -> run(warmUp), "tableflip-warm-up");
        thread.setDaemon(true);
        try {
            thread.start();
        } catch (OutOfMemoryError e) { // no thread left
            LOG.log(WARNING, "no warm-up, going on as it is", e);
            over.complete(null);
        }
    }

    private void run(WarmUp warmUp) {
        try {
            warmUp.run();
            if (over.complete(null)) {
                LOG.log(INFO, "warmed up in {0} ms", elapsedMillis());
            }
        } catch (Exception | Error e) {
            if (!over.isDone()) {
                LOG.log(WARNING, "the warm-up has failed after " + elapsedMillis() + " ms, going on as it is", e);
                over.complete(null);
            }
        }
    }

    /** Completes when it has ended or was cut short. */
    CompletableFuture<Void> over() {
        return over;
    }

    /** Ends it, if it has not ended. */
    void cut(String why) {
        if (over.complete(null)) { // otherwise it has ended by itself, and nothing that it still does is interrupted
            LOG.log(INFO, "warm-up: {0}, going on after {1} ms", why, elapsedMillis());
            thread.interrupt();
        }
    }

    private String elapsedMillis() {
        return Long.toString(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
    }
}
