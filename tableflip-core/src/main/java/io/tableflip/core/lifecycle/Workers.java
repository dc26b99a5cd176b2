package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.ERROR;

import io.tableflip.core.log.Log;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Threads for what may block: code of the user, files, native code. Some are started with the process: the
 * system may have no thread left in the middle of an upgrade, and a rollback that waits for one would leave
 * nobody serving. More are started while all of these are busy, as long as the system has any. Thread-safe.
 */
final class Workers implements Executor {
    private static final System.Logger LOG = Log.get();

    /** More code than this does not block at the same time. */
    private static final int MAX = 64;

    private static final int IDLE_SECONDS = 5;

    /** Takes a task only if a thread waits for one: otherwise the pool starts a thread. */
    private static final class Handoff extends LinkedTransferQueue<Runnable> {
        @Override
        public boolean offer(Runnable task) {
            return tryTransfer(task);
        }
    }

    private final Handoff queue = new Handoff();
    private final ThreadPoolExecutor threads;

    /**
     * @param count how many threads are there from the beginning
     * @throws OutOfMemoryError if they cannot be started
     */
    Workers(String name, int count) {
        AtomicInteger number = new AtomicInteger();
        threads = new ThreadPoolExecutor(
                count,
                MAX,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                queue,
                task -> {
                    Thread thread = new Thread(task, name + "-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                },
                (task, pool) -> queue.put(task));
        threads.prestartAllCoreThreads();
    }

    @Override
    public void execute(Runnable task) {
        Runnable logged = () -> {
            try {
                task.run();
            } catch (RuntimeException | Error e) {
                // logged here: a thread that ended would have to be replaced
                LOG.log(ERROR, "a bug in tableflip, please report it", e);
            }
        };
        try {
            threads.execute(logged);
        } catch (OutOfMemoryError e) { // no thread left: one of those that are there will take it
            queue.put(logged);
        }
    }
}
