package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Gives tasks to threads, in their order. Where none can be started, at a limit of the system for example, tasks wait until one can: no step of an upgrade
 * or a stop is left half done. Thread-safe.
 */
final class PatientExecutor implements Executor {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** How long tasks wait until they are tried again. */
    static final Duration RETRY = Duration.ofMillis(200);

    private final Loop loop;
    private final Executor threads;
    private final Deque<Runnable> waiting = new ArrayDeque<>(); // guarded by this

    /** @param threads throws {@link OutOfMemoryError}, and does not keep the task, if it has no thread and cannot start one */
    PatientExecutor(Loop loop, Executor threads) {
        this.loop = loop;
        this.threads = threads;
    }

    @Override
    public synchronized void execute(Runnable task) {
        waiting.add(task);
        if (waiting.size() == 1) {
            OutOfMemoryError problem = giveAll();
            if (problem != null) {
                LOG.log(WARNING, "no thread can be started, what needs one waits", problem);
            }
        }
    }

    private synchronized @Nullable OutOfMemoryError giveAll() {
        while (!waiting.isEmpty()) {
            Runnable task = waiting.removeFirst();
            try {
                threads.execute(task);
            } catch (OutOfMemoryError e) {
                waiting.addFirst(task);
                loop.execute(() -> loop.schedule(RETRY, this::giveAll));
                return e;
            }
        }
        return null;
    }
}
