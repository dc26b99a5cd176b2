package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Calls the observers, in the order in which they were added: the user's listener on a thread of its own, which it may block as long as it
 * likes, all others on another one. Threads are started when they are needed. Thread-safe.
 */
final class Observers {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final List<Observer> ours = new CopyOnWriteArrayList<>();
    private final Observer users;
    private final ScheduledExecutorService ourThread;
    private final ScheduledExecutorService usersThread;

    private final Consumer<Runnable> retry;

    /** @param retry runs a task a moment later */
    Observers(LifecycleListener listener, Consumer<Runnable> retry) {
        this(listener, retry, Thread::new);
    }

    Observers(LifecycleListener listener, Consumer<Runnable> retry, ThreadFactory threads) {
        this.retry = retry;
        users = new ListenerObserver(listener);
        ourThread = thread("tableflip-observers", threads);
        usersThread = thread("tableflip-listener", threads);
    }

    private static ScheduledExecutorService thread(String name, ThreadFactory threads) {
        return Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = threads.newThread(task);
            thread.setName(name);
            thread.setDaemon(true);
            return thread;
        });
    }

    void add(Observer observer) {
        ours.add(observer);
    }

    void tell(Consumer<Observer> event) {
        on(usersThread, Duration.ZERO, () -> call("the lifecycle listener", () -> event.accept(users)));
        if (!ours.isEmpty()) {
            on(
                    ourThread,
                    Duration.ZERO,
                    () -> ours.forEach(
                            observer -> call(observer.getClass().getSimpleName(), () -> event.accept(observer))));
        }
    }

    /** Completes when all have been told what was said until now. */
    CompletableFuture<Void> caughtUp() {
        CompletableFuture<Void> listener = caughtUp(usersThread);
        return ours.isEmpty() ? listener : CompletableFuture.allOf(listener, caughtUp(ourThread));
    }

    private CompletableFuture<Void> caughtUp(ScheduledExecutorService thread) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        on(thread, Duration.ZERO, () -> done.complete(null));
        return done;
    }

    /** For an observer that has more to do, on the same thread. */
    void later(Duration delay, Runnable task) {
        on(ourThread, delay, () -> call("an observer", task));
    }

    private void on(ScheduledExecutorService thread, Duration delay, Runnable task) {
        try {
            thread.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (OutOfMemoryError e) {
            LOG.log(WARNING, "no thread can be started for those who are told, they hear it later", e);
            retry.accept(() -> startThread(thread));
        }
    }

    /** What could not be done stands in its queue, and comes when it has a thread. */
    private void startThread(ScheduledExecutorService thread) {
        try {
            thread.execute(() -> {});
        } catch (OutOfMemoryError e) {
            retry.accept(() -> startThread(thread));
        }
    }

    private static void call(String name, Runnable call) {
        try {
            call.run();
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, name + " failed", e);
        }
    }
}
