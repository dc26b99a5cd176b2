package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/** Calls the user's listener, one call after the other, on a thread of its own. Thread-safe. */
final class Listeners {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final LifecycleListener listener;
    private final ExecutorService thread;

    Listeners(LifecycleListener listener) {
        this.listener = listener;
        thread = Executors.newSingleThreadExecutor(task -> {
            Thread t = new Thread(task, "tableflip-listener");
            t.setDaemon(true);
            return t;
        });
    }

    void tell(Consumer<LifecycleListener> event) {
        thread.execute(() -> {
            try {
                event.accept(listener);
            } catch (RuntimeException | Error e) {
                LOG.log(WARNING, "the lifecycle listener failed", e);
            }
        });
    }
}
