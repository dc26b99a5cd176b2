package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The end of this process: the future that says so, and the deadline after that. */
final class Exit {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Settings settings;
    private final Loop loop;
    private final CompletableFuture<Void> future = new CompletableFuture<>();

    Exit(Settings settings, Loop loop) {
        this.settings = settings;
        this.loop = loop;
    }

    CompletableFuture<Void> future() {
        return future;
    }

    /** The process should end now. Only on the thread of the loop. */
    void begin(@Nullable Throwable failure) {
        loop.schedule(settings.exitDeadline(), this::deadline);
        if (failure == null) {
            future.complete(null);
        } else {
            future.completeExceptionally(failure);
        }
    }

    private void deadline() {
        LOG.log(
                WARNING,
                "still here {0} after the exit: these threads keep the process alive, which blocks the next upgrade{1}{2}",
                settings.exitDeadline(),
                settings.haltAtExitDeadline() ? "; it is halted" : "",
                threads());
        if (settings.haltAtExitDeadline()) {
            Runtime.getRuntime().halt(1);
        }
    }

    private static String threads() {
        StringBuilder list = new StringBuilder();
        Thread.getAllStackTraces().forEach((thread, stack) -> {
            if (!thread.isDaemon() && !thread.getName().equals("DestroyJavaVM")) {
                list.append("\n    ").append(thread.getName());
                if (stack.length > 0) {
                    list.append(" at ").append(stack[0]);
                }
            }
        });
        return list.isEmpty() ? ": none, a shutdown hook may hang" : list.toString();
    }
}
