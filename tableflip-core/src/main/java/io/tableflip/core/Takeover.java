package io.tableflip.core;

import static io.tableflip.core.State.INITIALIZING;
import static io.tableflip.core.State.SERVING;
import static io.tableflip.core.State.TAKING_OVER;
import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.UpgradeException.Reason;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The child's side of an upgrade, from {@code ready()} to the commit; for a first generation what is left of that without a parent. Only
 * for the thread of the lifecycle.
 */
final class Takeover {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Lifecycle life;
    private final @Nullable ParentLink parent;
    private final ServiceFiles files;
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private @Nullable WarmUpRun warmUp;
    private boolean begun;
    private boolean opened;
    private boolean lost; // the parent has closed the link: either it is gone, or it has given this child up
    private boolean heardAll; // end-of-file was read, and so all that the parent has said
    private boolean gone; // its process has ended
    private boolean decided; // committed or given up

    Takeover(Lifecycle life, @Nullable ParentLink parent, ServiceFiles files) {
        this.life = life;
        this.parent = parent;
        this.files = files;
    }

    CompletableFuture<Void> ready() {
        return ready;
    }

    /** {@code ready()} was called with a warm-up: for a child that has a living parent. Nobody waits for one that has not. */
    void begin(WarmUp what, Duration limit) {
        if (begun || warmUp != null) {
            return;
        }
        if (parent == null || lost || life.state() != INITIALIZING) {
            begin();
            return;
        }
        WarmUpRun run = new WarmUpRun(what);
        warmUp = run;
        life.loop().schedule(limit, () -> run.cut("its time is over"));
        run.over().thenRunAsync(this::begin, life.loop());
    }

    private void cutWarmUp(String why) {
        if (warmUp != null) {
            warmUp.cut(why);
        }
    }

    /** {@code ready()} was called. */
    void begin() {
        if (begun) {
            return;
        }
        begun = true;
        cutWarmUp("ready() was called");
        if (life.state() != INITIALIZING || life.isEnding()) {
            ready.completeExceptionally(new IllegalStateException("stopped before it was ready"));
            return;
        }
        try {
            files.prepare();
        } catch (IOException e) {
            if (parent != null || !files.doWithout(e)) {
                fail(e);
                return;
            }
        }
        // a participant that never says that it has resumed must not keep the service from starting
        life.loop().schedule(Settings.MOMENT, this::open);
        life.participants().resume().thenRunAsync(this::open, life.loop());
    }

    /** This process accepts connections. */
    private void open() {
        if (opened || life.state() != INITIALIZING || decided || life.isEnding()) {
            return;
        }
        opened = true;
        if (parent == null || gone) {
            commit(null);
        } else if (lost) {
            LOG.log(DEBUG, "ready, and waiting to see whether the parent has gone");
        } else if (!parent.isLevel2()) {
            commit(parent);
        } else {
            askToLeave(parent);
        }
    }

    private void askToLeave(ParentLink from) {
        life.make(Move.TAKE_OVER);
        try {
            from.takeover(life.pid());
        } catch (IOException e) {
            parentLost(from);
            return;
        }
        Duration patience = from.drainedWait().plus(Settings.DRAINED_MARGIN);
        life.loop().schedule(patience, () -> {
            if (!decided && !lost && life.state() == TAKING_OVER) {
                LOG.log(
                        WARNING,
                        "parent {0} has said nothing for {1}, it may be stopped: going on without it",
                        Long.toString(from.pid()),
                        Settings.text(patience));
                commit(from);
            }
        });
    }

    void received(Message message) {
        if (message.type() == Message.STOP) {
            LOG.log(INFO, "the parent was told to stop the service");
            life.departure().stop();
        } else if (parent != null && message.type() == Message.ABORT && (!decided || life.state() == SERVING)) {
            // even just after READY: the parent has not counted it, and is the service
            giveUp(parent, "parent " + parent.pid() + " has aborted the upgrade");
        } else if (decided || parent == null) {
            LOG.log(DEBUG, "message {0} from the parent, too late", message.type());
        } else if (message.type() == Message.PAUSED && life.state() == TAKING_OVER && !life.isEnding()) {
            life.parentHasPaused();
        } else if (message.type() == Message.DRAINED && life.state() == TAKING_OVER) {
            commit(parent);
        } else {
            LOG.log(DEBUG, "message {0} from the parent, which nobody waits for", message.type());
        }
    }

    /** End-of-file from the parent: it is gone, or has given this child up without being able to say so. */
    void parentEnded() {
        heardAll = true;
        if (!decided && parent != null) {
            parentLost(parent);
        }
    }

    /** The end of the link comes a moment before the end of the process. */
    private void parentLost(ParentLink from) {
        if (!lost) {
            lost = true;
            cutWarmUp("the parent has gone");
            life.parentLost();
            awaitEnd(from, Settings.MOMENT);
        }
    }

    private void awaitEnd(ParentLink from, Duration left) {
        if (decided) {
            return;
        }
        boolean parentIsGone = from.isParentGone();
        if (!from.isLevel2()) {
            goOnAlone(from); // a level 1 parent gives up a child by killing it
        } else if (parentIsGone && (heardAll || left.isNegative())) {
            goOnAlone(from); // but not before an ABORT was read that stands in the pipe
        } else if (!parentIsGone && left.isNegative()) {
            giveUp(from, "parent " + from.pid() + " has closed the link and goes on serving");
        } else {
            life.loop().schedule(Settings.GONE_CHECK, () -> awaitEnd(from, left.minus(Settings.GONE_CHECK)));
        }
    }

    private void goOnAlone(ParentLink from) {
        gone = true;
        if (life.state() == TAKING_OVER || opened) {
            LOG.log(
                    WARNING,
                    "parent {0} has gone before it handed over: going on without it",
                    Long.toString(from.pid()));
            commit(null);
        } else {
            LOG.log(
                    WARNING,
                    "parent {0} has gone, this process will be the service as soon as it is ready",
                    Long.toString(from.pid()));
        }
    }

    private void commit(@Nullable ParentLink tell) {
        if (life.isEnding()) {
            LOG.log(
                    DEBUG,
                    "the JVM ends: not committed, the parent will see it"); // a service that ends at once is none
            return;
        }
        life.reached(Checkpoint.PID_FILE);
        try {
            files.commit();
        } catch (IOException e) {
            fail(e);
            return;
        }
        life.reached(Checkpoint.READY);
        try {
            if (tell != null) {
                tell.ready();
            }
        } catch (IOException e) {
            // nobody reads it any more: either the parent is gone, or it has given this child up
            parentLost(tell);
            return;
        }
        serve();
    }

    private void serve() {
        if (decided) {
            return;
        }
        decided = true;
        life.make(Move.SERVE);
        LOG.log(
                INFO,
                "generation {0} (pid {1}) is serving, {2} ms after its start",
                life.generation(),
                Long.toString(life.pid()),
                Long.toString(life.millisSinceStart()));
        life.served(); // before anybody who waited for it may end the program
        ready.complete(null);
    }

    private void giveUp(ParentLink from, String why) {
        decided = true;
        LOG.log(WARNING, "{0}: this process ends", why);
        UpgradeException failure = new UpgradeException(Reason.GIVEN_UP, why, null, from.pid(), -1);
        ready.completeExceptionally(failure);
        life.departure().leave(failure);
    }

    private void fail(IOException failure) {
        decided = true;
        if (parent != null) {
            parent.failed(String.valueOf(failure.getMessage()));
        }
        ready.completeExceptionally(failure);
        life.departure().leave(failure);
    }

    /** Stopped before it was ready. */
    void stopped() {
        cutWarmUp("stopped");
        if (!decided) {
            decided = true;
            ready.completeExceptionally(new IllegalStateException("stopped before it was ready"));
        }
    }
}
