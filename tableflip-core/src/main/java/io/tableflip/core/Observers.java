package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
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
    private final ScheduledExecutorService ourThread = thread("tableflip-observers");
    private final ScheduledExecutorService usersThread = thread("tableflip-listener");

    Observers(LifecycleListener listener) {
        users = new ListenerObserver(listener);
    }

    private static ScheduledExecutorService thread(String name) {
        return Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    void add(Observer observer) {
        ours.add(observer);
    }

    void tell(Consumer<Observer> event) {
        usersThread.execute(() -> call("the lifecycle listener", () -> event.accept(users)));
        if (!ours.isEmpty()) {
            ourThread.execute(() ->
                    ours.forEach(observer -> call(observer.getClass().getSimpleName(), () -> event.accept(observer))));
        }
    }

    /** Completes when all have been told what was said until now. */
    CompletableFuture<Void> caughtUp() {
        CompletableFuture<Void> listener = CompletableFuture.runAsync(() -> {}, usersThread);
        return ours.isEmpty()
                ? listener
                : CompletableFuture.allOf(listener, CompletableFuture.runAsync(() -> {}, ourThread));
    }

    /** For an observer that has more to do, on the same thread. */
    void later(Duration delay, Runnable task) {
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
