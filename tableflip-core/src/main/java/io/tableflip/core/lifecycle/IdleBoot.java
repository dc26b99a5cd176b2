package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ChildProcess;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Starts children at idle CPU priority (SCHED_IDLE) and sets them back, see
 * {@code Upgrader.Builder.idleBoot}. Thread-safe.
 *
 * <p>Whether it is possible is not tried out: a thread of this JVM that could not be set back would hold up
 * all others at a safepoint.
 */
final class IdleBoot {
    private static final System.Logger LOG = Log.get();

    private static final int SCHED_OTHER = 0;
    private static final int CAP_SYS_NICE = 23;
    /** A nice value of n takes a limit of 20 - n. */
    private static final int LIMIT_BASE = 20;

    /** How long after the commit what the child has started is set back, too. */
    private static final Duration SECOND_LOOK = Duration.ofSeconds(1);

    private final Context context;
    private final ProcFs proc;
    private final Parent parent;
    private final Duration limit;
    private @Nullable Boolean possible; // guarded by this
    private boolean normal; // guarded by this

    public IdleBoot(Context context, ProcFs proc, Parent parent) {
        this.context = context;
        this.proc = proc;
        this.parent = parent;
        limit = context.settings().idleBoot();
    }

    /**
     * Whether it is wanted, and could be undone as far as this process can tell. The log says why not, once.
     */
    synchronized boolean isPossible() {
        if (limit.isZero()) {
            return false;
        }
        if (possible == null) {
            String why = whyNot(proc);
            possible = why == null;
            if (why != null) {
                LOG.log(WARNING, "new processes start at normal priority, not with SCHED_IDLE: {0}", why);
            }
        }
        return possible;
    }

    /** Why a process could not be set back; {@code null} if it could. */
    static @Nullable String whyNot(ProcFs proc) {
        try {
            int policy = proc.policy();
            if (policy != SCHED_OTHER) {
                return "this process has a scheduling policy of its own (" + policy + ")";
            }
            boolean privileged = proc.hasCapability(CAP_SYS_NICE) && proc.isInFirstUserNamespace();
            return privileged || proc.niceLimit() >= LIMIT_BASE - proc.nice()
                    ? null
                    : "it could not be undone; that needs the capability CAP_SYS_NICE, or RLIMIT_NICE as by LimitNICE=+0 in a"
                            + " systemd unit";
        } catch (IOException | RuntimeException e) {
            return "it is not known whether it could be undone: " + e;
        }
    }

    private synchronized void refused() {
        possible = false;
    }

    /**
     * Sets this process back to normal priority, if its parent has started it idle: in most cases the parent
     * has done so already. Comes before an upgrade, since a child inherits the policy of its parent. One at a
     * time: a child that was just made idle must not be set back with it.
     */
    synchronized void makeSelfNormal(Os os) {
        if (normal || !parent.bootsIdle()) {
            return;
        }
        try {
            os.takeBackIdle((int) context.pid());
            normal = true;
        } catch (SystemCallException e) {
            LOG.log(WARNING, "this process may keep the scheduling policy SCHED_IDLE", e);
        }
    }

    /**
     * Makes a child idle. Only on the thread of the loop.
     *
     * @param limitOver calls {@link Child#end} unless something else has come first
     */
    Child begin(Os os, ChildProcess process, Runnable limitOver) {
        return new Child(os, process, limitOver);
    }

    /** One child, until it takes over or the limit is over. Only for the thread of the loop. */
    final class Child {
        private final Os os;
        private final ChildProcess process;
        private final Loop.Timer timer;
        /** It has that policy, or may have it. */
        private boolean idle = true;

        private Child(Os os, ChildProcess process, Runnable limitOver) {
            this.os = os;
            this.process = process;
            timer = context.loop().schedule(limit, limitOver);
            try {
                process.setIdle(true);
            } catch (SystemCallException e) {
                LOG.log(WARNING, "upgrade: the child does not boot with SCHED_IDLE", e);
                makeNormal(); // some of its threads may have it
            }
        }

        /** The limit is over. A failure is tried again at the takeover. */
        void end() {
            SystemCallException failure = makeNormal();
            if (failure != null) {
                LOG.log(WARNING, message(failure), failure);
            }
        }

        /**
         * The child takes over.
         *
         * @return why it has to be given up: a service without processor time is none; {@code null} if it
         *     does not have to
         */
        @Nullable
        String takesOver() {
            SystemCallException failure = makeNormal();
            if (failure == null) {
                return null;
            }
            if (failure.errno() == Os.EPERM) {
                refused();
                return message(failure);
            }
            LOG.log(WARNING, message(failure), failure); // temporary: here and in the child it is tried again
            return null;
        }

        /** Sets it back if it is idle. Returns why that has failed. */
        @Nullable
        SystemCallException makeNormal() {
            if (idle) {
                try {
                    process.setIdle(false);
                    idle = false;
                } catch (SystemCallException e) {
                    return process.isAlive() ? e : null;
                }
            }
            return null;
        }

        /** The upgrade has ended: the limit does not count any more. */
        void forgetLimit() {
            timer.cancel();
        }

        /**
         * It is the service. A thread that was just being made has escaped, and so have processes that it has
         * started.
         */
        void committed() {
            if (idle) {
                takeBack(); // one of level 1, which cannot be told to give the service back
            }
            context.loop().schedule(SECOND_LOOK, () -> context.workers().execute(this::takeBack));
        }

        private void takeBack() {
            try {
                if (process.isAlive()) {
                    os.takeBackIdle(process.pid());
                }
            } catch (SystemCallException e) {
                LOG.log(WARNING, message(e), e);
            }
        }
    }

    private static String message(SystemCallException failure) {
        return "the scheduling policy of the child cannot be set back from SCHED_IDLE: " + failure.getMessage();
    }
}
