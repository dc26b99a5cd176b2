package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import java.time.Duration;

/**
 * Notices a program that has returned from {@code main} without the calls that every program needs. Only for
 * the thread of the loop, except for the methods that note a call.
 */
final class ForgottenCalls {
    private static final System.Logger LOG = Log.get();

    private static final Duration LOOK = Duration.ofSeconds(1);

    private final Context context;
    /** The thread that has built the upgrader, which usually is the one of {@code main}. */
    private final Thread builder = Thread.currentThread();

    private volatile boolean readyCalled;
    private volatile boolean exitCalled;
    private boolean warnedOfReady;

    ForgottenCalls(Context context) {
        this.context = context;
    }

    /** Whether {@code ready()} was called. On any thread. */
    boolean isReadyCalled() {
        return readyCalled;
    }

    void readyCalled() {
        readyCalled = true;
    }

    /** {@code exit()} or {@code awaitExit()} was called. */
    void exitCalled() {
        exitCalled = true;
    }

    /** Looks from time to time, until nothing can be forgotten any more. */
    void watch() {
        if (context.phase().isLeaving() || (readyCalled && exitCalled)) {
            return;
        }
        if (!builder.isAlive()) {
            if (!readyCalled && !warnedOfReady) {
                warnedOfReady = true;
                LOG.log(
                        WARNING,
                        "the thread that has built the upgrader has ended, and nobody has called ready(): this process"
                                + " does not accept connections, and an upgrade that started it will fail");
            }
            if (readyCalled && context.phase() == Phase.SERVING) {
                LOG.log(
                        WARNING,
                        "the thread that has built the upgrader has ended, and nobody has called awaitExit() or exit():"
                                + " after an upgrade this process does not end by itself, and is halted {0} s after its"
                                + " last connection",
                        context.settings().exitDeadline().toSeconds());
                return;
            }
        }
        context.loop().schedule(LOOK, this::watch);
    }
}
