package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Duration;
import java.util.concurrent.Executor;

/**
 * Gives tasks to threads. Where none can be started, at a limit of the system for example, a task waits until one can: no step of an upgrade or a stop
 * is left half done. Thread-safe.
 */
final class PatientExecutor implements Executor {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** How long a task waits until it is tried again. */
    static final Duration RETRY = Duration.ofMillis(200);

    private final Loop loop;
    private final Executor threads;

    /** @param threads throws {@link OutOfMemoryError}, and does not keep the task, if it has no thread and cannot start one */
    PatientExecutor(Loop loop, Executor threads) {
        this.loop = loop;
        this.threads = threads;
    }

    @Override
    public void execute(Runnable task) {
        try {
            threads.execute(task);
        } catch (OutOfMemoryError e) {
            LOG.log(WARNING, "no thread can be started, it will be tried again", e);
            loop.execute(() -> loop.schedule(RETRY, () -> execute(task)));
        }
    }
}
