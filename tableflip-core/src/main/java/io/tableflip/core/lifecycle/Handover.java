package io.tableflip.core.lifecycle;

import static io.tableflip.core.lifecycle.Phase.CHILD_LEAVING;
import static io.tableflip.core.lifecycle.Phase.COMMITTING;
import static io.tableflip.core.lifecycle.Phase.DRAINING;
import static io.tableflip.core.lifecycle.Phase.PAUSE_OVERDUE;
import static io.tableflip.core.lifecycle.Phase.PAUSING;
import static io.tableflip.core.lifecycle.Phase.SPAWNING;
import static io.tableflip.core.lifecycle.Phase.STARTING;
import static io.tableflip.core.lifecycle.Phase.STOPPING_CHILD;
import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.link.ChildLink;
import io.tableflip.core.link.Message;
import io.tableflip.core.log.Log;
import io.tableflip.core.observe.Observer;
import io.tableflip.core.os.ChildProcess;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The parent's side of one upgrade, from the spawn to the commit or the rollback. Only for the thread of the
 * loop.
 *
 * <p>Every timer first reads what already stands in the pipe: a message that was written in time counts,
 * however late this process got to run.
 */
final class Handover {
    private static final System.Logger LOG = Log.get();

    /** How long the child may take from DRAINED to READY. */
    static final Duration COMMIT_TIMEOUT = Duration.ofSeconds(5);

    /** How long after {@code maxDrainBeforeCommit} the parent waits for participants that have not paused. */
    private static final Duration PAUSE_GRACE = Duration.ofSeconds(1);

    /** How long a child that has accepted nothing may take to exit after it has reported its failure. */
    private static final Duration FAILED_EXIT_LIMIT = Duration.ofSeconds(5);

    /** How long a killed child may take to be reaped, before it is left behind: it hangs in the kernel. */
    static final Duration REAP_LIMIT = Duration.ofSeconds(5);

    private static final String STOPPED = "stopped during the upgrade";

    private final Context context;
    private final StateMachine state;
    private final Spawner spawner;
    private final Descriptors fds;
    private final Duplicates duplicates;
    private final Participants participants;
    private final Draining draining;
    private final ServiceFiles files;
    private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    private final long began = System.nanoTime();

    /** The positions of the passed descriptors that the child does not use. */
    private final Set<Integer> unused = new HashSet<>();

    /** The positions of the listeners whose connections the child takes. */
    private final Set<Integer> takes = new LinkedHashSet<>();

    private @Nullable SpawnedChild child;
    private Loop.@Nullable Timer timer;
    /** The child has ended, and this library had not started in it. */
    private boolean endedUnread;
    /** What is known about the failure before the child has ended: its own message, or the link's. */
    private @Nullable Cause cause;

    private record Cause(
            Reason reason, String message, @Nullable Throwable exception) {}

    /** How an upgrade ends. */
    sealed interface Outcome {
        /**
         * The child is the service.
         *
         * @param released completes when the participants have released what the child has
         * @param requestUpgrade passes a request for an upgrade on to the child; whether that was possible
         */
        record Upgraded(int pid, CompletableFuture<?> released, BooleanSupplier requestUpgrade) implements Outcome {}

        /** This process is the service. */
        record Failed(UpgradeException failure) implements Outcome {}

        /** The service was stopped meanwhile; the child has ended, or was told to stop as well. */
        record Stopped(String message) implements Outcome {}
    }

    Handover(
            Context context,
            Spawner spawner,
            Descriptors fds,
            Duplicates duplicates,
            Participants participants,
            Draining draining,
            ServiceFiles files) {
        this.context = context;
        state = context.state();
        this.spawner = spawner;
        this.fds = fds;
        this.duplicates = duplicates;
        this.participants = participants;
        this.draining = draining;
        this.files = files;
    }

    /** Completes on the loop, in the step that ends the upgrade. */
    CompletableFuture<Outcome> outcome() {
        return outcome;
    }

    void start() {
        state.make(Move.UPGRADE);
        context.observers().tell(Observer::upgradeBegan);
        after(context.settings().upgradeTimeout(), this::upgradeTimedOut);
        Map<FdName, FdSource> passed = fds.pass();
        CompletableFuture<Void> lent = duplicates.take(passed);
        CompletableFuture.supplyAsync(() -> spawner.command(passed.size()), context.workers())
                .thenCombine(lent, (command, done) -> command)
                .whenCompleteAsync(this::spawn, context.loop());
    }

    private void spawn(@Nullable ChildCommand command, @Nullable Throwable problem) {
        if (outcome.isDone() || state.phase() != SPAWNING) {
            return;
        }
        if (problem != null) {
            spawnFailed(Failures.unwrap(problem));
            return;
        }
        try {
            spawned(spawner.spawn(
                    requireNonNull(command),
                    duplicates,
                    participants.canTransfer(),
                    () -> context.loop().execute(this::receive),
                    this::idleTimedOut));
        } catch (IOException | RuntimeException | Error e) {
            spawnFailed(e);
        }
    }

    private void spawnFailed(Throwable why) {
        if (why instanceof UpgradeException refusal) {
            fail(refusal.reason(), Failures.message(refusal), null);
        } else {
            fail(Reason.SPAWN_FAILED, "the child could not be started: " + Failures.message(why), why);
        }
    }

    private void spawned(SpawnedChild spawned) {
        child = spawned; // first: whatever fails from here on, this process must be ended
        state.make(Move.SPAWN);
        spawned.process().ended().thenRunAsync(this::childEnded, context.loop());
        outcome.thenAccept(ended -> {
            if (!(ended instanceof Outcome.Upgraded)) {
                spawned.transferNothing();
            }
        });
        context.observers().tell(observer -> observer.spawned(spawned.pid()));
        LOG.log(INFO, "upgrade: spawned {0} after {1} ms", describe(spawned), elapsedMillis());
    }

    private void idleTimedOut() {
        receive(); // it may have taken over
        if (!outcome.isDone() && state.phase() == STARTING && child != null && child.idle() != null) {
            child.idle().end();
        }
    }

    // ---- what the child says

    /** Reads what the child has sent until now, and acts on it. */
    void receive() {
        SpawnedChild from = child;
        if (from == null || !isListening()) {
            return;
        }
        for (Message message : from.link().receive()) {
            if (isListening()) {
                handle(message, from);
            }
        }
        SystemCallException failure = from.link().failure();
        if (isListening() && failure != null) {
            linkFailed(from.link(), failure);
        } else if (isListening() && from.link().isEnded()) {
            childWentSilent(from.link().end());
        }
    }

    /**
     * What comes from the child or a timer counts: neither after the end of this upgrade, nor while the child
     * is being killed.
     */
    private boolean isListening() {
        return !outcome.isDone() && state.phase().listensToChild();
    }

    /**
     * Nothing can be received from the child any more. Like a child that has gone silent it may finish what
     * it has accepted, if it can be told that it was given up: it may have sent READY, which nobody has read,
     * and would take the end of the link for the end of this process.
     */
    private void linkFailed(ChildLink failed, SystemCallException why) {
        if (cause == null) {
            cause = new Cause(Reason.LINK_FAILED, "the link to the child has failed: " + why.getMessage(), why);
        }
        if (failed.close(true)) {
            childWentSilent("the link is closed");
        } else {
            failAsKnown("the child could not be notified");
        }
    }

    private void handle(Message message, SpawnedChild from) {
        switch (message.type()) {
            case Message.TAKEOVER -> takenOver(message.text(), from);
            case Message.UNUSED -> unused.addAll(message.numbers());
            case Message.TAKES -> takes.addAll(message.numbers());
            case Message.FAILED -> childFailed(message.text());
            case Message.READY -> ready(from);
            default -> LOG.log(DEBUG, "message of unknown type {0} from the child", message.type());
        }
    }

    private void takenOver(String pid, SpawnedChild from) {
        context.reached(Checkpoint.TAKEOVER_RECEIVED);
        if (state.phase() != STARTING) {
            LOG.log(DEBUG, "a second takeover by the child, or one after it has failed: ignored");
            return;
        }
        if (!pid.equals(Integer.toString(from.pid()))) {
            fail(
                    Reason.WRONG_PROCESS,
                    "process " + pid + " wants to take over, but process " + from.pid()
                            + " was spawned: the start script must exec the JVM",
                    null);
            return;
        }
        String problem = from.idle() == null ? null : from.idle().takesOver();
        if (problem != null) {
            cause = new Cause(Reason.CHILD_FAILED, problem, null);
            state.make(Move.SERVE_AGAIN);
            if (from.link().close(true)) {
                awaitEndOfChild("the link is closed");
            } else {
                failAsKnown("the child could not be notified");
            }
            return;
        }
        state.make(Move.PAUSE);
        context.observers().tell(observer -> observer.takenOver(from.pid()));
        LOG.log(INFO, "upgrade: {0} accepts connections after {1} ms; draining", describe(from), elapsedMillis());
        participants.keep(duplicates.names(unused));
        if (from.transfer() != null) {
            participants.transfer(duplicates.positions(takes));
        }
        CompletableFuture<Void> paused = participants.pause().thenRunAsync(() -> paused(from), context.loop());
        CompletableFuture<Void> quiesced = draining.quiesced(paused);
        after(context.settings().maxDrainBeforeCommit(), () -> maxDrainOver(from));
        quiesced.thenRunAsync(() -> quiesced(from), context.loop());
    }

    private void paused(SpawnedChild from) {
        Phase phase = state.phase();
        if (outcome.isDone() || (phase != PAUSING && phase != PAUSE_OVERDUE && phase != COMMITTING)) {
            return;
        }
        from.link().send(new Message(Message.PAUSED).encode());
        if (phase == PAUSING) {
            state.make(Move.DRAIN);
        } else if (phase == PAUSE_OVERDUE) {
            sayDrained(from);
        }
    }

    private void quiesced(SpawnedChild from) {
        if (!outcome.isDone() && state.phase() == DRAINING) {
            sayDrained(from);
        }
    }

    /**
     * DRAINED, but if all participants pause soon, not before PAUSED: until then the child does not read from
     * what both processes have.
     */
    private void maxDrainOver(SpawnedChild from) {
        if (state.phase() == DRAINING) {
            sayDrained(from);
        } else if (state.phase() == PAUSING) {
            state.make(Move.OVERDUE);
            after(PAUSE_GRACE, () -> {
                if (state.phase() == PAUSE_OVERDUE) {
                    sayDrained(from);
                }
            });
        }
    }

    private void sayDrained(SpawnedChild to) {
        state.make(Move.ALLOW);
        to.link().send(new Message(Message.DRAINED).encode());
        after(COMMIT_TIMEOUT, this::commitTimedOut);
    }

    private void ready(SpawnedChild from) {
        context.reached(Checkpoint.READY_RECEIVED);
        Phase phase = state.phase();
        if (!Move.COMMIT.from().contains(phase)) {
            LOG.log(WARNING, "the child was ready after it had failed: ignored");
        } else if (from.process().leave()) {
            commit(from, phase.hasHandedOver());
        } else {
            // it died with READY as its last word; its end is on the way here, and this process still has
            // everything
            LOG.log(WARNING, "upgrade: {0} ended as soon as it was ready", describe(from));
        }
    }

    private void commit(SpawnedChild successor, boolean pausedBefore) {
        stopTimers();
        if (successor.idle() != null) {
            successor.idle().committed();
        }
        state.make(Move.COMMIT);
        if (!pausedBefore) {
            participants.pause(); // a level 1 child says nothing before READY
        }
        successor.link().commit();
        duplicates.close();
        draining.transferTo(successor.transfer());
        CompletableFuture<Void> released = participants.release();
        context.observers().tell(observer -> observer.upgraded(successor.pid()));
        LOG.log(INFO, "upgrade: {0} is the service after {1} ms", describe(successor), elapsedMillis());
        successor.process().ended().thenAcceptAsync(Handover::successorEnded, context.loop());
        fds.passNoMore();
        // a child of level 1 fails if it is sent anything but the names
        BooleanSupplier requestUpgrade =
                () -> pausedBefore && successor.link().sendAfterCommit(new Message(Message.REQUEST));
        outcome.complete(new Outcome.Upgraded(successor.pid(), released, requestUpgrade));
    }

    private static void successorEnded(int status) {
        LOG.log(
                WARNING,
                "the new process has ended ({0}) while this one, which it has replaced, finishes its last connections: nobody"
                        + " accepts any more",
                ChildProcess.describe(status));
    }

    // ---- a child that fails

    private void childFailed(String why) {
        cause = new Cause(Reason.CHILD_FAILED, why, null);
        childWentSilent("the child has reported a failure");
    }

    /**
     * The child has gone, or is about to. Until its end it may write its own log, and finish what it has
     * accepted.
     */
    private void childWentSilent(String how) {
        Phase phase = state.phase();
        if (phase == STARTING) {
            state.make(Move.LOSE_CHILD);
        } else if (phase.hasHandedOver()) {
            state.make(Move.SERVE_AGAIN);
            serveAgain();
        } else {
            return; // known already
        }
        awaitEndOfChild(how);
    }

    private void awaitEndOfChild(String how) {
        Duration grace = state.phase() == CHILD_LEAVING
                ? context.settings().drainTimeout().plus(context.settings().exitDeadline())
                : FAILED_EXIT_LIMIT;
        after(grace, () -> failAsKnown(how + " and did not end within " + Printable.of(grace)));
    }

    private void serveAgain() {
        draining.cancel();
        fds.notPassed();
        participants.resume();
    }

    private void childEnded() {
        receive();
        if (isListening() && child != null) {
            endedUnread = child.link().isUnread();
            failAsKnown("the child ended before it was ready: "
                    + ChildProcess.describe(child.process().ended().join()));
        }
    }

    private void upgradeTimedOut() {
        String within = " within " + Printable.of(context.settings().upgradeTimeout());
        if (state.phase() == SPAWNING) {
            fail(Reason.SPAWN_FAILED, "the descriptors or the command of the child were not there" + within, null);
        } else if (state.phase() == STARTING) {
            fail(Reason.TIMED_OUT, "the child was not ready" + within, null);
        }
    }

    private void commitTimedOut() {
        fail(Reason.TIMED_OUT, "the child did not commit within " + Printable.of(COMMIT_TIMEOUT), null);
    }

    /** Fails with what the child, or the link, has reported; otherwise with this. */
    private void failAsKnown(String otherwise) {
        Cause known = cause;
        if (known == null) {
            fail(Reason.CHILD_EXITED, otherwise, null);
        } else {
            fail(known.reason, known.message, known.exception);
        }
    }

    private void fail(Reason reason, String message, @Nullable Throwable exception) {
        Phase phase = state.phase();
        if (!isListening()) {
            return;
        }
        stopTimers();
        state.make(phase == CHILD_LEAVING ? Move.END_CHILD : phase.hasHandedOver() ? Move.TAKE_BACK : Move.ABORT);
        killChild(() -> explain(new Cause(reason, message, exception)));
    }

    /** A child in which this library has not started could not say why it has ended. */
    private void explain(Cause why) {
        if (child == null || !endedUnread || why.reason != Reason.CHILD_EXITED) {
            failed(why);
            return;
        }
        duplicates.takeBack(); // what the child has done to the sockets must not last
        child.earlyEnd()
                .explain(child.process().ended().join())
                .thenAcceptAsync(
                        more -> failed(new Cause(why.reason, why.message + more, why.exception)), context.loop());
    }

    /** ABORT, kill, close, reap. */
    private void killChild(Runnable then) {
        SpawnedChild killed = child;
        if (killed == null) {
            then.run();
            return;
        }
        killed.link().send(new Message(Message.ABORT).encode());
        killed.kill();
        killed.link().close(false);
        CompletableFuture<Void> reaped = killed.process().ended().thenRun(() -> {});
        context.loop().schedule(REAP_LIMIT, () -> reaped.complete(null));
        reaped.thenRunAsync(then, context.loop());
    }

    /** The child has ended, unless the service was stopped while it was being killed. */
    private void failed(Cause why) {
        duplicates.takeBack();
        Phase phase = state.phase();
        if (phase == STOPPING_CHILD) {
            stopped("stopped during the upgrade, which had failed before: " + why.message);
        } else if (phase.isEndingChild()) {
            rollBack(phase, why);
        } else {
            restoreFiles();
        }
    }

    private void rollBack(Phase phase, Cause why) {
        if (phase == Phase.TAKING_BACK) {
            serveAgain();
        }
        fds.notPassed();
        state.make(Move.ROLL_BACK);
        long pid = child == null ? -1 : child.pid();
        files.restore(pid);
        if (state.isJvmEnding()) {
            files.remove();
        }
        boolean byItself = why.reason == Reason.CHILD_EXITED || why.reason == Reason.CHILD_FAILED;
        int status = child != null && byItself ? child.process().ended().getNow(-1) : -1;
        UpgradeException failure = new UpgradeException(why.reason, why.message, why.exception, pid, status);
        LOG.log(WARNING, "upgrade: failed after {0} ms, this process serves on: {1}", elapsedMillis(), why.message);
        context.observers().tell(observer -> observer.upgradeFailed(failure));
        outcome.complete(new Outcome.Failed(failure));
    }

    /**
     * The child may have renamed the PID file, and is being killed: whoever stops the service now removes a
     * file that names this process.
     */
    private void restoreFiles() {
        if (child != null && state.phase() != Phase.EXITING) {
            files.restore(child.pid());
        }
    }

    // ---- a stop meanwhile

    /**
     * Stops this upgrade with the service. The outcome follows, when a child that has accepted nothing has
     * ended.
     */
    void stop() {
        Phase phase = state.phase();
        if (phase == Phase.ABORTING) {
            state.make(Move.STOP_CHILD); // it is being killed already
            if (child != null) {
                child.earlyEnd().cut();
            }
        } else if (Move.STOP_CHILD.from().contains(phase)) {
            stopTimers();
            state.make(Move.STOP_CHILD);
            killChild(() -> {
                duplicates.takeBack();
                stopped(STOPPED);
            });
        } else {
            passStopOn(phase);
        }
    }

    private void stopped(String message) {
        restoreFiles();
        state.make(Move.STOP);
        outcome.complete(new Outcome.Stopped(message));
    }

    /**
     * The child has accepted connections, so the whole service is meant: the child drains as this process
     * does. It is told by a message. A signal would end it, if it has got the same signal as this process.
     */
    private void passStopOn(Phase phase) {
        SpawnedChild told = requireNonNull(child);
        if (phase.isEndingChild()) {
            restoreFiles(); // it has failed, and is being killed
        } else {
            told.process().leave(); // the PID file may name it by now
        }
        stopTimers();
        LOG.log(INFO, "stop: passed on to {0}, which has begun to take over", describe(told));
        told.link().send(new Message(Message.STOP).encode());
        told.link().close(false);
        duplicates.close();
        state.make(Move.STOP);
        outcome.complete(new Outcome.Stopped(STOPPED));
    }

    // ---- timers

    private void stopTimers() {
        if (timer != null) {
            timer.cancel();
        }
        if (child != null && child.idle() != null) {
            child.idle().forgetLimit();
        }
    }

    /**
     * Replaces the running timer. What stands in the pipe comes first, and may replace or end the timer that
     * has expired.
     */
    private void after(Duration delay, Runnable action) {
        if (timer != null) {
            timer.cancel();
        }
        Loop.Timer[] self = new Loop.Timer[1];
        self[0] = context.loop().schedule(delay, () -> {
            receive();
            if (isListening() && timer == self[0]) {
                action.run();
            }
        });
        timer = self[0];
    }

    private String describe(SpawnedChild which) {
        return "generation " + (context.generation() + 1) + " (pid " + which.pid() + ")";
    }

    private String elapsedMillis() {
        return Long.toString((System.nanoTime() - began) / 1_000_000);
    }
}
