package io.tableflip.core.observe;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.LifecycleListener;
import io.tableflip.core.log.Log;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Calls the observers, in the order in which they were added: the user's listener on a thread of its own,
 * which it may block as long as it likes, all others on another one. Thread-safe.
 */
public final class Observers {
    private static final System.Logger LOG = Log.get();

    private final List<Observer> ours = new CopyOnWriteArrayList<>();
    private final Observer users;
    private final ScheduledExecutorService ourThread;
    private final ScheduledExecutorService usersThread;
    private volatile boolean ended;

    /** @param isStub the threads are there only as long as there is something to do */
    public Observers(LifecycleListener listener, boolean isStub) {
        users = new ListenerObserver(listener);
        ourThread = thread("tableflip-observers", isStub);
        usersThread = thread("tableflip-listener", isStub);
    }

    private static ScheduledExecutorService thread(String name, boolean mayEnd) {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
        if (mayEnd) {
            executor.setKeepAliveTime(1, TimeUnit.SECONDS);
            executor.allowCoreThreadTimeOut(true);
        } else {
            executor.prestartAllCoreThreads(); // in the middle of an upgrade the system may have no thread left
        }
        return executor;
    }

    public void add(Observer observer) {
        ours.add(observer);
    }

    public void tell(Consumer<Observer> event) {
        usersThread.execute(() -> call("the lifecycle listener", () -> event.accept(users)));
        if (!ours.isEmpty()) {
            ourThread.execute(() ->
                    ours.forEach(observer -> call(observer.getClass().getSimpleName(), () -> event.accept(observer))));
        }
    }

    /** Completes when all have been told what was said until now. */
    public CompletableFuture<Void> caughtUp() {
        CompletableFuture<Void> listener = caughtUp(usersThread);
        return ours.isEmpty() ? listener : CompletableFuture.allOf(listener, caughtUp(ourThread));
    }

    private CompletableFuture<Void> caughtUp(ScheduledExecutorService thread) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        thread.execute(() -> done.complete(null));
        return done;
    }

    /** The upgrader has ended: nothing that observers wanted to do later is done. */
    public void end() {
        ended = true;
    }

    /** For an observer that has more to do, on the same thread. */
    public void later(Duration delay, Runnable task) {
        if (ended) {
            return;
        }
        ourThread.schedule(() -> call("an observer", task), delay.toNanos(), TimeUnit.NANOSECONDS);
    }

    private static void call(String name, Runnable call) {
        try {
            call.run();
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, name + " failed", e);
        }
    }
}
