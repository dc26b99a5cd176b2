package io.tableflip.core;

import static io.tableflip.core.State.COMMITTING;
import static io.tableflip.core.State.DRAINING;
import static io.tableflip.core.State.EXITING;
import static io.tableflip.core.State.STARTING;
import static io.tableflip.core.State.STOPPING;
import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.tableflip.core.UpgradeException.Reason;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The parent's side of one upgrade, from the spawn to the commit or the rollback. Only for the thread of the lifecycle.
 *
 * <p>Timers first read what already stands in the pipe: a message that was written in time counts, however late this
 * process got to run.
 */
final class Handover {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private static final int EPERM = 1;

    private final Lifecycle life;
    private final Os os;
    private final Duplicates duplicates;
    private final CompletableFuture<Long> result;
    private final long began = System.nanoTime();

    private @Nullable ChildProcess child;
    private @Nullable ChildLink link;
    private Loop.@Nullable Timer timer;
    private @Nullable String childsWords;
    private @Nullable SystemCallException linkFailure;
    /** Committed, failed or abandoned: what still comes from the child or a timer does not count. */
    private boolean over;

    /** There is one if the child boots with that policy. */
    private @Nullable IdleChild idle;
    /** The child has accepted connections, so that its end would cost some. */
    private boolean accepted;
    /** The child knows that all participants have paused. */
    private boolean saidPaused;
    /** {@code readyAfter} is over. */
    private boolean drainedLongEnough;
    /** End-of-file came without READY. */
    private boolean silent;

    Handover(Lifecycle life, Os os, CompletableFuture<Long> result) {
        this.life = life;
        this.os = os;
        this.result = result;
        duplicates = new Duplicates(os);
    }

    void start() {
        life.make(Move.SPAWN);
        life.observers().tell(Observer::upgradeBegan);
        after(life.settings().upgradeTimeout(), this::upgradeTimedOut);
        CompletableFuture<Void> lent = duplicates.take(life.fds().pass());
        CompletableFuture.supplyAsync(this::command, life.background())
                .thenCombine(lent, (command, done) -> command)
                .whenCompleteAsync(this::spawn, life.loop());
    }

    /** Not on the loop: runs code of the user, and reads files. */
    private ChildCommand command() {
        ChildCommand command = requireNonNull(
                life.settings().childCommand().apply(life.launcher().childCommand()),
                "childCommand has given no command");
        try {
            life.childMemory().admit(command);
        } catch (UpgradeException e) {
            throw new CompletionException(e);
        }
        return command;
    }

    private void spawn(@Nullable ChildCommand command, @Nullable Throwable problem) {
        if (over) {
            return;
        }
        try {
            if (problem == null) {
                spawn(requireNonNull(command));
            } else {
                spawnFailed(Lifecycle.unwrap(problem));
            }
        } catch (IOException | RuntimeException | Error e) {
            spawnFailed(e);
        }
    }

    private void spawnFailed(Throwable why) {
        if (why instanceof UpgradeException refusal) {
            fail(refusal.reason(), requireNonNull(refusal.getMessage()), null);
            return;
        }
        fail(Reason.SPAWN_FAILED, "the child could not be started: " + why.getMessage(), why);
    }

    private void spawn(ChildCommand command) throws IOException {
        List<Integer> mine = new ArrayList<>();
        List<Integer> childs = new ArrayList<>();
        try {
            Os.Pipe fromChild = pipe(childs, mine, false);
            Os.Pipe toChild = pipe(childs, mine, true);
            boolean idleBoot = life.idleBoot().isPossible();
            String variable = ParentLink.variable(
                    life.pid(),
                    fromChild.inode(),
                    toChild.inode(),
                    life.generation() + 1,
                    life.settings().readyAfter(),
                    idleBoot);
            List<Integer> fds =
                    Stream.concat(childs.stream(), duplicates.numbers()).toList();
            Os.SpawnRequest request =
                    life.launcher().request(command, variable, life.fds().keptPaths(), fds);
            os.setNonBlocking(fromChild.readEnd());
            os.setNonBlocking(toChild.writeEnd());
            ChildLink newLink = new ChildLink(
                    os,
                    fromChild.readEnd(),
                    toChild.writeEnd(),
                    () -> life.loop().execute(this::receive));
            mine.clear(); // the link's from now on
            link = newLink;
            // before the spawn: if this process is killed just then, the child knows all it needs
            byte[] names = Gob.encode(duplicates.wireNames());
            os.enlargePipe(toChild.writeEnd(), names.length);
            newLink.send(names);
            SystemCallException failure = newLink.failure();
            if (failure != null) {
                throw failure;
            }
            newLink.start();
            ChildProcess newChild = ChildProcess.spawn(os, request);
            spawned(newChild, command);
            if (idleBoot) {
                idle = new IdleChild(life, os, newChild, this::idleTimedOut);
                idle.begin();
            }
        } finally {
            // without these the child's death would show neither as end-of-file nor as EPIPE
            closeAll(childs);
            closeAll(mine);
        }
    }

    private void spawned(ChildProcess spawned, ChildCommand command) {
        child = spawned; // first: whatever fails from here on, this process must be ended
        spawned.ended().thenRunAsync(this::childEnded, life.loop());
        life.observers().tell(observer -> observer.spawned(spawned.pid()));
        LOG.log(INFO, "upgrade: spawned {0} after {1} ms", id(spawned.pid()), elapsedMillis());
        LOG.log(DEBUG, "upgrade: command: {0}", command); // arguments may hold secrets
    }

    private void idleTimedOut() {
        receive(); // it may have taken over
        if (!over && !accepted && !silent && idle != null) {
            idle.end();
        }
    }

    private Os.Pipe pipe(List<Integer> childs, List<Integer> mine, boolean childReads) throws SystemCallException {
        Os.Pipe pipe = os.pipe();
        childs.add(childReads ? pipe.readEnd() : pipe.writeEnd());
        mine.add(childReads ? pipe.writeEnd() : pipe.readEnd());
        return pipe;
    }

    private void closeAll(List<Integer> fds) {
        for (int fd : fds) {
            try {
                os.close(fd);
            } catch (SystemCallException e) {
                LOG.log(WARNING, "pipe to the child", e);
            }
        }
    }

    /** Reads and acts on what the child has said until now. */
    void receive() {
        ChildLink from = link;
        if (over || from == null) {
            return;
        }
        for (Message message : from.receive()) {
            if (!over) {
                handle(message);
            }
        }
        SystemCallException failure = from.failure();
        if (!over && failure != null && child != null) {
            linkFailed(from, failure);
        } else if (!over && from.isEnded()) {
            childWentSilent();
        }
    }

    /**
     * The child cannot be heard any more. Like one that has fallen silent it may finish what it has accepted, if it can be told that it was
     * given up: it may have said READY, which nobody has heard, and would take the end of the link for the end of this process.
     */
    private void linkFailed(ChildLink failed, SystemCallException why) {
        linkFailure = why;
        giveUp(failed);
    }

    private void giveUp(ChildLink from) {
        if (from.close(true)) {
            childWentSilent();
        } else {
            failAsTold("the child could not be told");
        }
    }

    private void handle(Message message) {
        switch (message.type()) {
            case Message.TAKEOVER -> takenOver(message.text());
            case Message.FAILED -> childFailed(message.text());
            case Message.READY -> ready();
            default -> LOG.log(DEBUG, "message of unknown type {0} from the child", message.type());
        }
    }

    private void takenOver(String pid) {
        ChildProcess spawned = child;
        life.reached(Checkpoint.TAKEOVER_RECEIVED);
        if (life.state() != STARTING || spawned == null || silent) {
            LOG.log(DEBUG, "a second takeover by the child, or one after it has failed: ignored");
            return;
        }
        if (!pid.equals(Integer.toString(spawned.pid()))) {
            fail(
                    Reason.WRONG_PROCESS,
                    "process " + pid + " wants to take over, but process " + spawned.pid()
                            + " was spawned: the start script must exec the JVM",
                    null);
            return;
        }
        accepted = true;
        SystemCallException failure = idle == null ? null : idle.makeNormal();
        if (failure != null && failure.errno() == EPERM) {
            // a service that gets no processor time is none; but it may finish what it has accepted
            life.idleBoot().refused();
            childsWords = IdleChild.left(failure);
            giveUp(requireNonNull(link));
            return;
        }
        if (failure != null) {
            LOG.log(WARNING, IdleChild.left(failure), failure); // for a moment: it will be tried again, here and there
        }
        life.make(Move.DRAIN);
        life.observers().tell(observer -> observer.takenOver(spawned.pid()));
        LOG.log(INFO, "upgrade: {0} accepts connections after {1} ms; draining", id(spawned.pid()), elapsedMillis());
        CompletableFuture<Void> paused = life.participants().pause();
        paused.thenRunAsync(this::sayPaused, life.loop());
        CompletableFuture<DrainReport> draining = life.departure().drain();
        after(life.settings().readyAfter(), this::drainTimedOut);
        CompletableFuture.allOf(paused, draining).thenRunAsync(this::sayDrained, life.loop());
    }

    private void sayPaused() {
        if (!over && link != null && (life.state() == DRAINING || life.state() == COMMITTING)) {
            link.send(new Message(Message.PAUSED).encode());
            saidPaused = true;
            if (drainedLongEnough) {
                sayDrained();
            }
        }
    }

    /** But not before all have paused, if they do so soon: the child is told that first, and reads from what both have. */
    private void drainTimedOut() {
        drainedLongEnough = true;
        if (saidPaused) {
            sayDrained();
        } else {
            after(Settings.PAUSE_GRACE, this::sayDrained);
        }
    }

    private void sayDrained() {
        if (over || life.state() != DRAINING || link == null) {
            return;
        }
        life.make(Move.ALLOW);
        link.send(new Message(Message.DRAINED).encode());
        after(Settings.COMMIT_TIMEOUT, this::commitTimedOut);
    }

    private void ready() {
        life.reached(Checkpoint.READY_RECEIVED);
        if (silent || child == null || link == null) {
            LOG.log(WARNING, "the child was ready after it had failed: ignored");
        } else {
            commit(child, link);
        }
    }

    private void commit(ChildProcess successor, ChildLink ending) {
        if (!successor.leave()) {
            // it died with READY as its last word; its end is on the way here, and this process still has everything
            LOG.log(WARNING, "upgrade: {0} ended as soon as it was ready", id(successor.pid()));
            return;
        }
        end();
        if (idle != null) {
            idle.committed();
        }
        life.make(Move.COMMIT);
        if (!accepted) {
            life.participants().pause(); // a level 1 child says nothing before READY
        }
        ending.commit();
        duplicates.close();
        CompletableFuture<Void> released = life.participants().release();
        life.observers().tell(observer -> observer.upgraded(successor.pid()));
        LOG.log(INFO, "upgrade: {0} is the service after {1} ms", id(successor.pid()), elapsedMillis());
        result.complete((long) successor.pid());
        successor.ended().thenAcceptAsync(this::successorEnded, life.loop());
        life.linger(life.departure().drain(), released);
    }

    private void successorEnded(int status) {
        LOG.log(
                WARNING,
                "the new process has ended ({0}) while this one, which it has replaced, finishes its last connections: nobody"
                        + " accepts any more",
                ChildProcess.describe(status));
    }

    /** Its end follows. Until then it may write its own log, and finish what it has accepted. */
    private void childFailed(String why) {
        childsWords = why;
        childWentSilent();
    }

    /** End-of-file without READY: the child is gone or going. Its exit status will follow, or it drains first. */
    private void childWentSilent() {
        if (silent) {
            return;
        }
        silent = true;
        serveAgain();
        Duration grace =
                accepted ? life.settings().drainTimeout().plus(life.settings().exitDeadline()) : Settings.MOMENT;
        String end = link == null ? "the child is silent" : link.end();
        after(grace, () -> failAsTold(end + " and did not end within " + Settings.text(grace)));
    }

    private void childEnded() {
        receive();
        if (!over && child != null) {
            failAsTold("the child ended before it was ready: "
                    + ChildProcess.describe(child.ended().join()));
        }
    }

    /** Fails with the child's own words, if it has said any. */
    private void failAsTold(String otherwise) {
        if (childsWords != null) {
            fail(Reason.CHILD_FAILED, childsWords, null);
        } else if (linkFailure != null) {
            fail(Reason.LINK_FAILED, "the link to the child has failed: " + linkFailure.getMessage(), linkFailure);
        } else {
            fail(Reason.CHILD_EXITED, otherwise, null);
        }
    }

    private void upgradeTimedOut() {
        if (life.state() != STARTING) {
            return;
        }
        String within = " within " + Settings.text(life.settings().upgradeTimeout());
        if (child == null) {
            fail(Reason.SPAWN_FAILED, "the descriptors or the command of the child were not there" + within, null);
        } else {
            fail(Reason.TIMED_OUT, "the child was not ready" + within, null);
        }
    }

    private void commitTimedOut() {
        fail(Reason.TIMED_OUT, "the child did not commit within " + Settings.text(Settings.COMMIT_TIMEOUT), null);
    }

    private void fail(Reason reason, String message, @Nullable Throwable cause) {
        if (over) {
            return;
        }
        end();
        getRidOfChild(() -> rollBack(reason, message, cause));
    }

    /**
     * ABORT, kill, close, reap. A child that cannot be reaped in time (it hangs in the kernel) is left behind. Killed before the link is
     * closed: should it have committed just now, it would take the end of the link for the end of this process, and could begin an upgrade.
     */
    private void getRidOfChild(Runnable then) {
        if (link != null) {
            link.send(new Message(Message.ABORT).encode());
        }
        if (child != null) {
            if (idle != null) {
                idle.makeNormal(); // to end takes processor time, too
            }
            child.kill(ChildProcess.SIGKILL);
        }
        if (link != null) {
            link.close(false);
        }
        if (child == null) {
            then.run();
            return;
        }
        CompletableFuture<Void> reaped = child.ended().thenRun(() -> {});
        life.loop().schedule(Settings.MOMENT, () -> reaped.complete(null));
        reaped.thenRunAsync(then, life.loop());
    }

    private void rollBack(Reason reason, String message, @Nullable Throwable cause) {
        duplicates.takeBack();
        if (life.state() == STOPPING || life.state() == EXITING) {
            takeBackFiles(); // stopped while the child was ending
            return;
        }
        serveAgain();
        long pid = child == null ? -1 : child.pid();
        if (life.state() == STARTING) {
            life.make(Move.ROLL_BACK);
            life.fds().notPassed();
        }
        life.files().restore(pid);
        if (life.isEnding()) {
            life.files().remove();
        }
        boolean byItself = reason == Reason.CHILD_EXITED || reason == Reason.CHILD_FAILED;
        int status = child != null && byItself ? child.ended().getNow(-1) : -1;
        UpgradeException failure = new UpgradeException(reason, message, cause, pid, status);
        LOG.log(WARNING, "upgrade: failed after {0} ms, this process serves on: {1}", elapsedMillis(), message);
        life.observers().tell(observer -> observer.upgradeFailed(failure));
        life.handoverEnded();
        result.completeExceptionally(failure);
    }

    /** The child had renamed the PID file maybe, and is killed: who stops the service now removes what names this process. */
    private void takeBackFiles() {
        if (child != null && life.state() != EXITING) {
            life.files().restore(child.pid());
        }
    }

    private void serveAgain() {
        if (life.state() == DRAINING || life.state() == COMMITTING) {
            life.make(Move.ROLL_BACK);
            life.departure().drainCancelled();
            life.fds().notPassed();
            life.participants().resume();
        }
    }

    /** Stop before the takeover: the child goes first. */
    void stopChild(Runnable then) {
        end();
        getRidOfChild(() -> {
            duplicates.takeBack();
            if (child != null) {
                life.files().discard(child.pid());
            }
            result.completeExceptionally(new UpgradeException(Reason.STOPPING, "stopped during the upgrade"));
            life.handoverEnded();
            then.run();
        });
    }

    /** Whether the child has accepted connections: the stop must then be passed on, not end it. */
    boolean childHasAccepted() {
        return accepted;
    }

    /**
     * Stop after the takeover: the whole service is meant. The child, which accepts already, drains as this process does. By a message, since
     * it may have got the same signal as this process, and a second one would end it at once.
     */
    void passStopOn() {
        if (over) {
            takeBackFiles(); // it has failed, and is being killed
        } else if (child != null) {
            child.leave(); // the PID file may name it by now
        }
        end();
        if (child != null && link != null) {
            LOG.log(INFO, "stop: passed on to {0}, which has begun to take over", id(child.pid()));
            link.send(new Message(Message.STOP).encode());
            link.close(false);
        }
        duplicates.close();
        result.completeExceptionally(new UpgradeException(Reason.STOPPING, "stopped during the upgrade"));
        life.handoverEnded();
    }

    private void end() {
        over = true;
        if (timer != null) {
            timer.cancel();
        }
        if (idle != null) {
            idle.forgetLimit();
        }
    }

    /** Replaces the timer that runs. What stands in the pipe comes first, and may replace or end the timer that has expired. */
    private void after(Duration delay, Runnable action) {
        if (timer != null) {
            timer.cancel();
        }
        Object[] self = new Object[1];
        timer = life.loop().schedule(delay, () -> {
            receive();
            if (!over && timer == self[0]) {
                action.run();
            }
        });
        self[0] = timer;
    }

    private String id(int pid) {
        return "generation " + (life.generation() + 1) + " (pid " + pid + ")";
    }

    private String elapsedMillis() {
        return Long.toString((System.nanoTime() - began) / 1_000_000);
    }
}
