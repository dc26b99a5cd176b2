package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The phase of this process. Only the thread of the loop changes it; every thread may read it. */
final class StateMachine {
    private static final System.Logger LOG = Log.get();

    private volatile Phase phase = Phase.INITIALIZING;
    private volatile boolean jvmEnding;

    Phase phase() {
        return phase;
    }

    /** Changes the phase; nothing else does. */
    void make(Move move) {
        if (!move.from().contains(phase)) {
            throw new IllegalStateException(move + " while " + phase);
        }
        LOG.log(DEBUG, "{0}: {1} -> {2}", move, phase, move.to());
        phase = move.to();
    }

    /** The JVM ends: nothing may begin any more that another process would have to go on with. */
    boolean isJvmEnding() {
        return jvmEnding;
    }

    /**
     * Notes that the JVM ends. Waits until the loop knows it; not for the thread of the loop.
     *
     * @param timeout how long to wait for the loop
     * @return the phase in which the JVM ends
     */
    Phase jvmEnds(Loop loop, Duration timeout) {
        CompletableFuture<Phase> known = new CompletableFuture<>();
        loop.execute(() -> {
            jvmEnding = true;
            known.complete(phase);
        });
        try {
            return known.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.log(DEBUG, "the loop does not learn that the JVM ends", e);
        }
        jvmEnding = true;
        return phase;
    }
}
