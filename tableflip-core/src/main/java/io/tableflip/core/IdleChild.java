package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import org.jspecify.annotations.Nullable;

/**
 * A child that boots with the policy SCHED_IDLE, see {@link UpgraderBuilder#idleBoot}, until it takes over or the limit is over. Only for the thread
 * of the lifecycle.
 */
final class IdleChild {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Lifecycle life;
    private final Os os;
    private final ChildProcess child;
    private final Loop.Timer limit;
    /** It has that policy, or may have it. */
    private boolean idle = true;

    /** @param limitOver is to call {@link #end}, if nothing has come first */
    IdleChild(Lifecycle life, Os os, ChildProcess child, Runnable limitOver) {
        this.life = life;
        this.os = os;
        this.child = child;
        limit = life.loop().schedule(life.idleBoot().limit(), limitOver);
    }

    void begin() {
        try {
            child.setIdle(true);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "upgrade: the child does not boot with SCHED_IDLE", e);
            makeNormal(); // some of it may do so
        }
    }

    /** If that fails, it is tried again at the takeover. */
    void end() {
        SystemCallException failure = makeNormal();
        if (failure != null) {
            LOG.log(WARNING, left(failure), failure);
        }
    }

    /** Makes it normal, if it is not. Returns why that has failed. */
    @Nullable
    SystemCallException makeNormal() {
        if (idle) {
            try {
                child.setIdle(false);
                idle = false;
            } catch (SystemCallException e) {
                return child.isAlive() ? e : null;
            }
        }
        return null;
    }

    /** Nothing happens any more when the limit is over. */
    void forgetLimit() {
        limit.cancel();
    }

    /** It is the service. A thread that was just being made has escaped, and those that it has begun; or the system was short of something for a moment. */
    void committed() {
        if (idle) {
            takeBack(); // one of level 1, which cannot be told to give the service back
        }
        life.loop().schedule(Settings.PREPARE_AFTER, () -> life.background().execute(this::takeBack));
    }

    private void takeBack() {
        try {
            if (child.isAlive()) {
                os.takeBackIdle(child.pid());
            }
        } catch (SystemCallException e) {
            LOG.log(WARNING, left(e), e);
        }
    }

    static String left(SystemCallException failure) {
        return "the scheduling policy of the child cannot be set back from SCHED_IDLE: " + failure.getMessage();
    }
}
