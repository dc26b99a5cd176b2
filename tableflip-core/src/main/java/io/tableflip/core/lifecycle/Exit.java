package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.ExitReason;
import io.tableflip.core.log.Log;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** The end of this process: the future that announces it, and the deadline after that. */
final class Exit {
    private static final System.Logger LOG = Log.get();

    private final Context context;
    private final CompletableFuture<ExitReason> future = new CompletableFuture<>();
    private final AtomicReference<Runnable> room = new AtomicReference<>(() -> {});

    Exit(Context context) {
        this.context = context;
    }

    CompletableFuture<ExitReason> future() {
        return future;
    }

    /**
     * Blocks until the process should end.
     *
     * @throws IllegalStateException if {@code ready()} failed
     */
    ExitReason await() throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw notReady(e);
        }
    }

    /** Blocks until the process should end, or the time is over. */
    Optional<ExitReason> await(Duration timeout) throws InterruptedException {
        try {
            return Optional.of(future.get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS));
        } catch (ExecutionException e) {
            throw notReady(e);
        } catch (TimeoutException e) {
            return Optional.empty();
        }
    }

    private static IllegalStateException notReady(ExecutionException e) {
        Throwable cause = Failures.unwrap(e);
        return new IllegalStateException("this process did not get ready: " + cause.getMessage(), cause);
    }

    /**
     * The process should end now. Only on the thread of the loop.
     *
     * @param failure {@code null} unless this process could not become the service
     */
    void begin(ExitReason reason, @Nullable Throwable failure) {
        if (context.isStub()) {
            makeRoom(); // first: whoever waits for the end may make the next one immediately
            context.loop().retire();
            context.observers().end();
        } else {
            context.loop().schedule(context.settings().exitDeadline(), this::deadline);
        }
        if (failure == null) {
            future.complete(reason);
        } else {
            future.completeExceptionally(failure);
        }
    }

    /** What makes room for another upgrader in this process. */
    void onMakingRoom(Runnable action) {
        room.set(action);
    }

    /** Once. On any thread. */
    void makeRoom() {
        room.getAndSet(() -> {}).run();
    }

    private void deadline() {
        boolean halts = context.settings().haltAtExitDeadline();
        LOG.log(
                WARNING,
                "still here {0} after the exit: these threads keep the process alive, which blocks the next upgrade{1}{2}",
                context.settings().exitDeadline(),
                halts ? "; it is halted" : "",
                threads());
        if (halts) {
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
