package io.tableflip.core.lifecycle;

import static io.tableflip.core.lifecycle.Phase.LINGERING;
import static io.tableflip.core.lifecycle.Phase.STOPPING;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.ExitReason;
import io.tableflip.core.log.Log;
import io.tableflip.core.observe.Observer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How this process leaves: replaced, stopped, or because it did not become ready. Waits for the drain,
 * releases what others can have, removes what would be left behind. Only for the thread of the loop, except
 * for {@link #jvmEnds()}.
 */
final class Shutdown {
    private static final System.Logger LOG = Log.get();

    /** How long observers that are behind may hold up the end. */
    private static final Duration OBSERVERS_LIMIT = Duration.ofSeconds(1);

    /** How long participants may take to release, beyond the drain timeout. */
    private static final Duration RELEASE_MARGIN = Duration.ofSeconds(5);

    /**
     * How long a child that its program has closed before it was ready waits for the exception that follows:
     * try-with-resources closes before anybody sees it.
     */
    private static final Duration CLOSE_GRACE = Duration.ofMillis(500);

    /** How long connections that the parent has sent may take to arrive. */
    private static final Duration TAKING_LIMIT = Duration.ofSeconds(1);

    private static final String CLOSED = "it closed its upgrader before it was ready; its log says why";

    /** How long the end of the JVM may wait for a loop that does not answer. */
    private static final Duration JVM_LIMIT = Duration.ofSeconds(5);

    private final Context context;
    private final StateMachine state;
    private final Parts parts;
    private final Takeover takeover;
    private final Upgrades upgrades;
    private final Exit exit;
    private int stopSignals;

    /** Why initialisation is failing, as far as the program has reported it. */
    private volatile @Nullable String failure;

    /** The program has closed its upgrader. */
    private volatile boolean closed;

    /** What a process that leaves works with. */
    record Parts(
            Parent parent,
            NativeCode nativeCode,
            Descriptors fds,
            Participants participants,
            Draining draining,
            ServiceFiles files) {}

    Shutdown(Context context, Parts parts, Takeover takeover, Upgrades upgrades) {
        this.context = context;
        state = context.state();
        this.parts = parts;
        this.takeover = takeover;
        this.upgrades = upgrades;
        exit = new Exit(context);
    }

    Exit exit() {
        return exit;
    }

    /** Notes why initialisation is failing. On any thread. */
    void reportFailure(String why) {
        failure = why;
    }

    /** The program closes its upgrader. On any thread. */
    void closed() {
        closed = true;
    }

    /** An exception has ended the thread that was to make this process ready. */
    void threadFailed() {
        if (state.phase().isUnready() || state.phase() == Phase.GIVING_UP) {
            parts.parent.failed(reported(CLOSED));
        }
    }

    // ---- stop

    /** The first signal stops; the second one ends a process that takes its time. */
    void stopBySignal(String name) {
        stopSignals++;
        Phase phase = state.phase();
        if (stopSignals > 1) {
            LOG.log(WARNING, "SIG{0} again: ends at once", name);
            if (phase == STOPPING || phase == Phase.GIVING_UP) {
                parts.files.remove();
            }
            endAtOnce();
        } else if (phase.isLeaving()) {
            LOG.log(INFO, "SIG{0}: this process is leaving already; once more to end it at once", name);
        } else {
            stop();
        }
    }

    /** A stub runs where nobody waits for it: in a test, for example. */
    private void endAtOnce() {
        if (context.isStub()) {
            new Thread(() -> System.exit(1), "tableflip-exit").start();
        } else {
            Runtime.getRuntime().halt(1);
        }
    }

    void stop() {
        if (state.phase().isUnready()) {
            stopUnready();
        } else if (!state.phase().isLeaving()) {
            stopService();
        }
    }

    /** Notifies the parent first, so that it accepts again immediately. */
    private void stopUnready() {
        LOG.log(INFO, "stop, before this process was ready");
        boolean waits = closed && failure == null && state.phase() != Phase.TAKING_OVER;
        context.observers().tell(Observer::stopping);
        state.make(Move.GIVE_UP);
        takeover.stopped();
        Parent parent = parts.parent;
        if (!parent.exists()) {
            drainAndExit(null);
            return;
        }
        if (waits) {
            context.loop().schedule(CLOSE_GRACE, () -> hangUp(CLOSED));
        } else {
            hangUp(closed ? CLOSED : "it was stopped before it was ready");
        }
    }

    /**
     * Tells the parent immediately, since the JVM may be about to end, and without waiting for another
     * thread. Not by end-of-file alone, since a job that a start script has left behind may hold the pipe
     * open.
     */
    private void hangUp(String why) {
        Parent parent = parts.parent;
        parent.failed(reported(why));
        CompletableFuture.runAsync(() -> parts.nativeCode.use(parent::hangUp), context.workers())
                .whenCompleteAsync((done, problem) -> drainAndExit(null), context.loop());
    }

    private String reported(String otherwise) {
        String why = failure;
        return why == null ? otherwise : why;
    }

    private void stopService() {
        Handover current = upgrades.current();
        if (current != null) {
            current.receive(); // the child may have committed just now
        }
        if (state.phase() == LINGERING) {
            return;
        }
        LOG.log(INFO, "stop");
        context.observers().tell(Observer::stopping);
        current = upgrades.current();
        if (current == null) {
            state.make(Move.STOP);
            drainAndExit(null);
        } else {
            current.stop(); // stopped() follows
        }
    }

    /** The upgrade that was in progress has stopped with the service. */
    void stopped() {
        drainAndExit(null);
    }

    /** This process could not become the service, or its parent does not count that it did. */
    void giveUp(Throwable reason) {
        LOG.log(ERROR, "not ready: {0}", reason.getMessage());
        parts.files.discard(context.pid());
        state.make(Move.GIVE_UP);
        drainAndExit(reason);
    }

    private void drainAndExit(@Nullable Throwable reason) {
        parts.fds.passNoMore();
        if (parts.parent.incoming() == null) {
            releaseAndExit(reason);
            return;
        }
        CompletableFuture<Void> taken = parts.parent.takeNoMore().copy();
        context.loop().schedule(TAKING_LIMIT, () -> taken.complete(null));
        taken.thenRunAsync(() -> releaseAndExit(reason), context.loop());
    }

    private void releaseAndExit(@Nullable Throwable reason) {
        parts.fds
                .lookAtPaths(context.loop(), Descriptors.LENDING_LIMIT)
                .thenAcceptAsync(
                        paths -> {
                            boolean parentServes = !ownsTraces();
                            CompletableFuture<?> released = bounded(parts.participants.release());
                            released.thenCombine(parts.draining.complete(), (a, b) -> a)
                                    .thenRunAsync(
                                            () -> {
                                                paths.unlinkAll(parentServes);
                                                parts.files.remove();
                                                exitNow(ExitReason.STOPPED, reason);
                                            },
                                            context.loop());
                        },
                        context.loop());
    }

    /** A child that is not the service leaves everything to its parent, if that is alive. */
    private boolean ownsTraces() {
        return state.phase() == STOPPING || parts.parent.isProcessGone();
    }

    // ---- replaced

    /** A child is the service: this process ends when it has drained and released. */
    void linger(CompletableFuture<?> released) {
        bounded(released)
                .thenCombine(parts.draining.complete(), (a, b) -> a)
                .thenRunAsync(() -> exitNow(ExitReason.UPGRADED, null), context.loop());
    }

    private CompletableFuture<?> bounded(CompletableFuture<?> stage) {
        CompletableFuture<Object> bounded = new CompletableFuture<>();
        stage.whenComplete((done, problem) -> bounded.complete(done));
        context.loop().schedule(context.settings().drainTimeout().plus(RELEASE_MARGIN), () -> bounded.complete(null));
        return bounded;
    }

    // ---- the end

    private void exitNow(ExitReason reason, @Nullable Throwable problem) {
        state.make(Move.LEAVE);
        LOG.log(INFO, "generation {0} (pid {1}) is done", context.generation(), Long.toString(context.pid()));
        CompletableFuture<Void> observed = context.observers().caughtUp();
        context.loop().schedule(OBSERVERS_LIMIT, () -> observed.complete(null));
        observed.whenCompleteAsync((done, failed) -> exit.begin(reason, problem), context.loop());
    }

    /**
     * The JVM ends, after {@code main} or by {@code System.exit}, but not by a halt. On a thread of its own.
     */
    void jvmEnds() {
        Phase last = state.jvmEnds(context.loop(), OBSERVERS_LIMIT);
        if (last.isUnready() || last == Phase.GIVING_UP) { // no effect if it was told before
            parts.parent.failed(reported(closed ? CLOSED : "it exited before it was ready"));
        }
        boolean isService =
                last == Phase.SERVING || last == STOPPING; // nobody called stop(), or nobody waited for the drain
        if (isService || last == Phase.CHILD_LEAVING || last == Phase.ENDING_CHILD) {
            SocketPaths paths = parts.fds.socketPaths();
            parts.fds
                    .lookAtPaths(context.loop(), OBSERVERS_LIMIT)
                    // the loop may be stuck
                    .completeOnTimeout(paths, JVM_LIMIT.toMillis(), TimeUnit.MILLISECONDS)
                    .join()
                    .unlinkAll(false);
            parts.files.remove();
        } else {
            if (last.isUnready() || last == Phase.GIVING_UP) {
                parts.fds.socketPaths().unlinkAll(!parts.parent.isProcessGone());
            }
            parts.files.discard(context.pid());
        }
        parts.nativeCode.end();
    }
}
