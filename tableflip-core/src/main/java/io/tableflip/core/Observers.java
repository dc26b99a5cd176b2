package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Calls the observers, on a thread of their own that is started when it is needed. Thread-safe. */
final class Observers {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final List<Observer> observers;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread t = new Thread(task, "tableflip-observers");
        t.setDaemon(true);
        return t;
    });

    Observers(List<Observer> observers) {
        this.observers = List.copyOf(observers);
    }

    void tell(Consumer<Observer> event) {
        if (!observers.isEmpty()) {
            thread.execute(() -> observers.forEach(observer -> call(observer, event)));
        }
    }

    /** For an observer that has more to do, on the same thread. */
    void later(Duration delay, Runnable task) {
        thread.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
    }

    private static void call(Observer observer, Consumer<Observer> event) {
        try {
            event.accept(observer);
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, "an observer failed", e);
        }
    }
}
