package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.time.Duration;

/**
 * The controlling terminal. When it closes, the kernel and the shell send SIGHUP, which is meant as a stop:
 * the signal that comes with the loss is no request for an upgrade, a later one is. Only for the thread of
 * the loop.
 */
final class Terminal {
    private static final System.Logger LOG = Log.get();

    /** A signal that comes later than this after the loss was seen has another reason. */
    static final Duration LOOK = Duration.ofSeconds(1);

    private final Loop loop;
    private final ProcFs proc;
    /** As of the last look. */
    private boolean there;
    /** As of the look before that, which the signal may be late for. */
    private boolean before;

    Terminal(Loop loop, ProcFs proc) {
        this.loop = loop;
        this.proc = proc;
    }

    /** Looks at it now and from time to time, until it is lost. */
    void watch() {
        before = there;
        there = isThere();
        if (there || before) {
            loop.schedule(LOOK, this::watch);
        }
    }

    /** Whether it was there a short time ago and is not any more. */
    boolean hasJustGone() {
        return (there || before) && !isThere();
    }

    private boolean isThere() {
        try {
            return proc.hasTerminal();
        } catch (IOException e) {
            LOG.log(DEBUG, "it is not known whether this process has a terminal", e);
            return there;
        }
    }
}
