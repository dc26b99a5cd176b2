package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Whether the children of this process boot with the policy SCHED_IDLE, see {@link UpgraderBuilder#idleBoot}. Thread-safe.
 *
 * <p>Not found out by a trial: a thread of this JVM that had no way back could hold up all others at a safepoint.
 */
final class IdleBoot {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private static final int SCHED_OTHER = 0;
    private static final int CAP_SYS_NICE = 23;
    /** A nice value of n takes a limit of 20 - n. */
    private static final int LIMIT_BASE = 20;

    private final Duration limit;
    private final ProcFs proc;
    private @Nullable Boolean possible; // guarded by this

    IdleBoot(Duration limit, ProcFs proc) {
        this.limit = limit;
        this.proc = proc;
    }

    /** How long a child is idle at most. */
    Duration limit() {
        return limit;
    }

    /** Whether it is wanted, and could be taken back as far as this process can tell; the log says why not, once. */
    synchronized boolean isPossible() {
        if (limit.isZero()) {
            return false;
        }
        if (possible == null) {
            String why = whyNot();
            possible = why == null;
            if (why != null) {
                LOG.log(WARNING, "new processes do not boot with SCHED_IDLE: {0}", why);
            }
        }
        return possible;
    }

    /** It could not be taken back from a child: the next one boots as ever. */
    synchronized void refused() {
        possible = false;
    }

    private @Nullable String whyNot() {
        try {
            int policy = proc.policy();
            if (policy != SCHED_OTHER) {
                return "this process has a scheduling policy of its own (" + policy + ")";
            }
            boolean privileged = proc.hasCapability(CAP_SYS_NICE) && proc.isInFirstUserNamespace();
            return privileged || proc.niceLimit() >= LIMIT_BASE - proc.nice()
                    ? null
                    : "it could not be taken back; that takes the capability CAP_SYS_NICE, or RLIMIT_NICE as by LimitNICE=+0 in a unit of systemd";
        } catch (IOException | RuntimeException e) {
            return "it cannot be told whether it could be taken back: " + e;
        }
    }
}
