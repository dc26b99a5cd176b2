package io.tableflip.core.lifecycle;

import static io.tableflip.core.lifecycle.Phase.INITIALIZING;
import static io.tableflip.core.lifecycle.Phase.OPENING;
import static io.tableflip.core.lifecycle.Phase.ORPHANED;
import static io.tableflip.core.lifecycle.Phase.SERVING;
import static io.tableflip.core.lifecycle.Phase.TAKING_OVER;
import static io.tableflip.core.lifecycle.Phase.WARMING_UP;
import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.WarmUp;
import io.tableflip.core.lifecycle.Participants.FirstResume;
import io.tableflip.core.link.Message;
import io.tableflip.core.log.Log;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The child's side of an upgrade, from {@code ready()} to the commit; for a first generation, what is left of
 * it without a parent. Only for the thread of the loop.
 */
final class Takeover {
    private static final System.Logger LOG = Log.get();

    /**
     * How much longer than it was told the child waits for DRAINED, before it assumes that its parent is
     * stopped and commits alone.
     */
    private static final Duration DRAINED_MARGIN = Duration.ofSeconds(5);

    /** How long participants may take to resume. */
    static final Duration RESUME_LIMIT = Duration.ofSeconds(5);

    private final Context context;
    private final StateMachine state;
    private final Loop loop;
    private final Parent parent;
    private final Participants participants;
    private final Descriptors fds;
    private final NativeCode nativeCode;
    private final ServiceFiles files;
    private final Steps steps;
    private final IncomingConnections incoming;
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private @Nullable WarmUpRun warmUp;

    /** What follows from a takeover. Called on the loop. */
    interface Steps {
        /** This process is the service. */
        void serving();

        /** The parent has exited, or has given this process up; this process still runs. */
        void parentLost();

        /** This process cannot become the service, or may not stay it, and has to leave. */
        void givenUp(Throwable reason);

        /** The parent was told to stop the whole service. */
        void stop();

        /** An upgrade was requested of the parent, which this process has replaced. */
        void requestUpgrade();
    }

    Takeover(
            Context context,
            Parent parent,
            Participants participants,
            Descriptors fds,
            NativeCode nativeCode,
            ServiceFiles files,
            Steps steps) {
        this.context = context;
        state = context.state();
        loop = context.loop();
        this.parent = parent;
        this.participants = participants;
        this.fds = fds;
        this.nativeCode = nativeCode;
        this.files = files;
        this.steps = steps;
        incoming = new IncomingConnections(context, parent, participants, fds, nativeCode);
    }

    CompletableFuture<Void> ready() {
        return ready;
    }

    /**
     * {@code ready()} was called with a warm-up. Only a child whose parent is there warms up; otherwise
     * nobody would serve meanwhile.
     */
    void begin(WarmUp what, Duration limit) {
        incoming.prepare();
        if (state.phase() == WARMING_UP) {
            return;
        }
        if (state.phase() != INITIALIZING || !parent.isThere() || state.isJvmEnding()) {
            begin();
            return;
        }
        state.make(Move.WARM_UP);
        WarmUpRun run = new WarmUpRun(what);
        warmUp = run;
        loop.schedule(limit, () -> run.cut("its time is over"));
        run.over().thenRunAsync(this::begin, loop);
    }

    private void cutWarmUp(String why) {
        if (warmUp != null) {
            warmUp.cut(why);
        }
    }

    /** {@code ready()} was called. */
    void begin() {
        incoming.prepare();
        Phase phase = state.phase();
        if (phase != INITIALIZING && phase != WARMING_UP) {
            if (!phase.isUnready()) {
                ready.completeExceptionally(stoppedBefore()); // no effect if it has completed
            }
            return;
        }
        cutWarmUp("ready() was called");
        if (state.isJvmEnding()) {
            ready.completeExceptionally(stoppedBefore());
            return;
        }
        state.make(Move.OPEN);
        try {
            files.prepare();
        } catch (IOException e) {
            if (parent.exists() || !files.doWithout(e)) {
                fail(e);
                return;
            }
        }
        participants.acquire().whenCompleteAsync((acquired, problem) -> acquired(problem), loop);
    }

    private static IllegalStateException stoppedBefore() {
        return new IllegalStateException("stopped before it was ready");
    }

    private void acquired(@Nullable Throwable problem) {
        if (state.phase() != OPENING) {
            return;
        }
        if (state.isJvmEnding()) { // it began to end while the participants acquired
            ready.completeExceptionally(stoppedBefore());
            return;
        }
        if (problem != null) {
            fail(Failures.unwrap(problem));
            return;
        }
        if (parent.exists()) {
            fds.lookAtPaths(loop, Descriptors.LENDING_LIMIT).thenAcceptAsync(this::checkPaths, loop);
        } else {
            resume();
        }
    }

    /** Clients connect to what a path leads to, whichever socket this process has. */
    private void checkPaths(SocketPaths paths) {
        List<String> problems = paths.problems();
        if (state.phase() != OPENING) {
            return;
        }
        if (!problems.isEmpty()) {
            fail(new IOException(problems.get(0)));
            return;
        }
        CompletableFuture<?> closed = parent.isLevel2() && fds.isUnclaimed()
                ? CompletableFuture.runAsync(this::closeUnclaimed, context.workers())
                : CompletableFuture.completedFuture(null);
        closed.thenRunAsync(this::resume, loop);
    }

    /** What the parent goes on serving must not be open here when it stops: nobody would accept. */
    private void closeUnclaimed() {
        nativeCode.use(os -> fds.closeUnclaimed());
    }

    private void resume() {
        if (state.phase() != OPENING) {
            return;
        }
        List<FirstResume> calls = participants.begin();
        CompletableFuture<?>[] ended = calls.stream().map(FirstResume::ended).toArray(CompletableFuture<?>[]::new);
        loop.schedule(RESUME_LIMIT, () -> resumed(calls));
        CompletableFuture.allOf(ended).thenRunAsync(() -> resumed(calls), loop);
    }

    /** A parent that is there serves on rather than leave the work to a process that cannot do it. */
    private void resumed(List<FirstResume> calls) {
        if (state.phase() != OPENING) {
            return;
        }
        Optional<String> problem =
                calls.stream().flatMap(call -> call.problem().stream()).findFirst();
        if (problem.isPresent() && parent.isThere()) {
            fail(new IllegalStateException(problem.get()));
            return;
        }
        problem.ifPresent(why -> LOG.log(WARNING, "{0}; this process serves nevertheless", why));
        open();
    }

    /** This process accepts connections. */
    private void open() {
        if (state.phase() != OPENING || state.isJvmEnding()) {
            return;
        }
        if (parent.isOver()) {
            commit(false);
        } else if (parent.isLost()) {
            LOG.log(DEBUG, "ready, and waiting to see whether the parent has exited");
            state.make(Move.AWAIT_PARENT);
        } else if (!parent.isLevel2()) {
            commit(true);
        } else {
            askToLeave();
        }
    }

    private void askToLeave() {
        state.make(Move.TAKE_OVER);
        try {
            parent.takeover(context.pid(), fds.unused(), incoming.takes());
        } catch (IOException e) {
            parentLost();
            return;
        }
        Duration limit = parent.drainedWait().plus(DRAINED_MARGIN);
        loop.schedule(limit, () -> {
            if (state.phase() == TAKING_OVER && parent.isThere()) {
                LOG.log(
                        WARNING,
                        "parent {0} has said nothing for {1}, it may be stopped: going on without it",
                        Long.toString(parent.pid()),
                        Printable.of(limit));
                commit(true);
            }
        });
    }

    void received(Message message) {
        Phase phase = state.phase();
        if (message.type() == Message.STOP) {
            LOG.log(INFO, "the parent was told to stop the service");
            steps.stop();
        } else if (message.type() == Message.REQUEST) {
            steps.requestUpgrade();
        } else if (message.type() == Message.ABORT && (phase.isUnready() || phase == SERVING)) {
            // even just after READY: the parent has not read it, and is the service
            giveUp("parent " + parent.pid() + " has aborted the upgrade");
        } else if (message.type() == Message.PAUSED && phase == TAKING_OVER && !state.isJvmEnding()) {
            parent.markPaused();
        } else if (message.type() == Message.DRAINED && phase == TAKING_OVER) {
            commit(true);
        } else {
            LOG.log(DEBUG, "message {0} from the parent, which nobody waits for", message.type());
        }
    }

    /**
     * The link to the parent has ended: it has exited, or has given this child up without being able to tell
     * it.
     */
    void parentEnded() {
        if (state.phase().isUnready()) {
            parentLost();
        }
    }

    private void parentLost() {
        if (parent.isThere()) {
            parent.markLost();
            cutWarmUp("the parent has exited");
            steps.parentLost();
            awaitExit(Parent.EXIT_LIMIT);
        }
    }

    /** The end of the link comes a moment before the end of the process. */
    private void awaitExit(Duration left) {
        if (!state.phase().isUnready()) {
            return;
        }
        boolean gone = parent.isProcessGone();
        if (gone && (parent.isReadToEnd() || left.isNegative())) {
            continueAlone(); // but not before an ABORT was read that stands in the pipe
        } else if (!gone && left.isNegative()) {
            giveUp("parent " + parent.pid() + " has closed the link and goes on serving");
        } else {
            loop.schedule(Parent.EXIT_CHECK, () -> awaitExit(left.minus(Parent.EXIT_CHECK)));
        }
    }

    private void continueAlone() {
        parent.markGone();
        if (state.phase() == TAKING_OVER || state.phase() == ORPHANED) {
            LOG.log(
                    WARNING,
                    "parent {0} has gone before it handed over: going on without it",
                    Long.toString(parent.pid()));
            commit(false);
        } else {
            LOG.log(
                    WARNING,
                    "parent {0} has gone, this process will be the service as soon as it is ready",
                    Long.toString(parent.pid()));
        }
    }

    private void commit(boolean tellParent) {
        if (state.isJvmEnding()) {
            // a service that ends immediately is none
            LOG.log(DEBUG, "the JVM ends: not committed, the parent will notice");
            return;
        }
        context.reached(Checkpoint.PID_FILE);
        try {
            files.commit();
        } catch (IOException e) {
            fail(e);
            return;
        }
        context.reached(Checkpoint.READY);
        try {
            if (tellParent) {
                fds.guardSocketFiles();
                parent.ready();
            }
        } catch (IOException e) {
            // nobody reads it any more: the parent has exited, or has given this child up
            if (state.phase() == OPENING) {
                state.make(Move.AWAIT_PARENT);
            }
            parentLost();
            return;
        }
        state.make(Move.SERVE);
        parent.markPaused(); // or does not send the message
        incoming.begin();
        steps.serving(); // before anybody who waited for it may end the program
        ready.complete(null);
    }

    private void giveUp(String why) {
        LOG.log(WARNING, "{0}: this process ends", why);
        UpgradeException failure = new UpgradeException(Reason.GIVEN_UP, why, null, parent.pid(), -1);
        ready.completeExceptionally(failure);
        steps.givenUp(failure);
    }

    private void fail(Throwable failure) {
        parent.failed(Failures.message(failure));
        ready.completeExceptionally(failure);
        steps.givenUp(failure);
    }

    /** Stopped before it was ready. */
    void stopped() {
        cutWarmUp("stopped");
        ready.completeExceptionally(stoppedBefore());
    }
}
