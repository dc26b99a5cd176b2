package io.tableflip.core;

import static io.tableflip.core.State.EXITING;
import static io.tableflip.core.State.INITIALIZING;
import static io.tableflip.core.State.LINGERING;
import static io.tableflip.core.State.SERVING;
import static io.tableflip.core.State.STOPPING;
import static io.tableflip.core.State.TAKING_OVER;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How this process leaves: replaced, stopped, or because it did not get ready. Drains, lets go, removes what it leaves behind. Only for the
 * thread of the lifecycle, but for {@link #jvmEnds()}.
 */
final class Departure {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private static final Duration OBSERVED_EVERY = Duration.ofSeconds(1);

    /** How long the end waits for those who have not been told all: their threads end with the process. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);

    private final Lifecycle life;
    private final @Nullable ParentLink parent;
    private final ServiceFiles files;
    private final Exit exit;

    /** This process is or was the service, so that the PID file and socket paths are its own to remove. */
    private volatile boolean served;

    private @Nullable CompletableFuture<DrainReport> draining;
    private boolean stopRequested;
    private int stopSignals;

    Departure(Lifecycle life, @Nullable ParentLink parent, ServiceFiles files) {
        this.life = life;
        this.parent = parent;
        this.files = files;
        exit = new Exit(life.settings(), life.loop());
    }

    CompletableFuture<Void> exit() {
        return exit.future();
    }

    void served() {
        served = true;
    }

    // ---- drain

    /** Begins to drain, or gives the drain that runs; the future completes at the drain timeout at the latest. */
    CompletableFuture<DrainReport> drain() {
        CompletableFuture<DrainReport> running = draining;
        if (running != null) {
            return running;
        }
        Duration timeout = life.settings().drainTimeout();
        life.observers().tell(Observer::drainBegan);
        CompletableFuture<DrainReport> drained =
                life.participants().drain(timeout).copy();
        draining = drained;
        observeDrain(drained);
        life.loop().schedule(timeout.plus(Settings.MOMENT), () -> {
            if (drained == draining && drained.complete(DrainReport.NOTHING)) {
                LOG.log(WARNING, "a participant does not end its drain, it is not waited for any longer");
            }
        });
        drained.thenAcceptAsync(report -> drained(drained, report), life.loop());
        return drained;
    }

    private void observeDrain(CompletableFuture<DrainReport> drained) {
        if (drained != draining || drained.isDone()) {
            return;
        }
        List<Participant> participants = life.participants().all();
        IntSupplier left =
                () -> participants.stream().mapToInt(Participant::remaining).sum();
        life.observers().tell(observer -> observer.draining(left));
        life.loop().schedule(OBSERVED_EVERY, () -> observeDrain(drained));
    }

    /** A rollback: the participants were resumed, which ends their drain, and its report is of no interest. */
    void drainCancelled() {
        draining = null;
    }

    private void drained(CompletableFuture<DrainReport> which, DrainReport report) {
        if (which == draining) {
            LOG.log(INFO, "drained: {0}", report);
            life.observers().tell(observer -> observer.drained(report));
        }
    }

    /** Ends this process when it has drained and let go; what does not let go in time is not waited for. */
    void afterDrain(CompletableFuture<?> drained, CompletableFuture<?> released) {
        bounded(released).thenCombine(drained, (a, b) -> a).thenRunAsync(() -> exitNow(null), life.loop());
    }

    private CompletableFuture<?> bounded(CompletableFuture<?> stage) {
        CompletableFuture<Object> bounded = new CompletableFuture<>();
        stage.whenComplete((done, problem) -> bounded.complete(done));
        life.loop().schedule(life.settings().drainTimeout().plus(Settings.MOMENT), () -> bounded.complete(null));
        return bounded;
    }

    private void exitNow(@Nullable Throwable reason) {
        life.make(Move.LEAVE);
        LOG.log(INFO, "generation {0} (pid {1}) is done", life.generation(), Long.toString(life.pid()));
        CompletableFuture<Void> told = life.observers().caughtUp();
        life.loop().schedule(LAST_WORDS, () -> told.complete(null));
        told.whenCompleteAsync((done, problem) -> exit.begin(reason), life.loop());
    }

    // ---- stop

    /** The first signal stops; the second one ends a process that takes its time. */
    void stopBySignal(String name) {
        stopSignals++;
        if (stopSignals > 1) {
            LOG.log(WARNING, "SIG{0} again: ends at once", name);
            if (life.state() == STOPPING) {
                files.remove();
            }
            Runtime.getRuntime().halt(1);
        } else if (stopRequested || life.state() == LINGERING || life.state() == EXITING) {
            LOG.log(INFO, "SIG{0}: this process is leaving already; once more to end it at once", name);
        } else {
            stop();
        }
    }

    boolean isStopRequested() {
        return stopRequested;
    }

    void stop() {
        if (stopRequested) {
            return;
        }
        switch (life.state()) {
            case INITIALIZING, TAKING_OVER -> stopUnready();
            case SERVING, STARTING, DRAINING, COMMITTING -> stopService();
            case LINGERING, STOPPING, EXITING -> {}
        }
    }

    /** Tells the parent first, so that it accepts again at once. */
    private void stopUnready() {
        stopRequested = true;
        LOG.log(INFO, "stop, before this process was ready");
        life.observers().tell(Observer::stopping);
        life.takeover().stopped();
        life.make(Move.STOP);
        if (parent == null) {
            drainAndExit(null);
            return;
        }
        // At once, since the JVM may be about to end, and waits for no other thread. Not by end-of-file alone, since a
        // job that a start script has left behind may hold the pipe open.
        String why = life.failure();
        parent.failed(why == null ? "it was stopped before it was ready" : why);
        CompletableFuture.runAsync(() -> hangUp(parent), life.background())
                .whenCompleteAsync((done, problem) -> drainAndExit(null), life.loop());
    }

    /** Loads native code, so not on the loop; should that fail, the end of this process is the end of the link. */
    private void hangUp(ParentLink link) {
        life.withNativeCode(() -> link.hangUp(life.os().get()));
    }

    private void stopService() {
        Handover current = life.handover();
        if (current != null) {
            current.receive(); // the child may have committed just now
        }
        if (life.state() == LINGERING) {
            return;
        }
        stopRequested = true;
        LOG.log(INFO, "stop");
        life.observers().tell(Observer::stopping);
        if (current == null || life.handover() == null) {
            life.make(Move.STOP);
            drainAndExit(null);
        } else if (current.childHasAccepted()) {
            current.passStopOn();
            life.make(Move.STOP);
            drainAndExit(null);
        } else {
            current.stopChild(() -> {
                life.make(Move.STOP);
                drainAndExit(null);
            });
        }
    }

    /** This process did not get ready, or its parent does not count that it did, and has to end. */
    void leave(Throwable reason) {
        served = false;
        LOG.log(ERROR, "not ready: {0}", reason.getMessage());
        files.discard(life.pid());
        life.make(Move.GIVE_UP);
        drainAndExit(reason);
    }

    private void drainAndExit(@Nullable Throwable reason) {
        life.fds().passNoMore();
        CompletableFuture<List<UnixPaths.Bound>> paths =
                ownsTraces() ? life.fds().unixPaths(Settings.MOMENT) : CompletableFuture.completedFuture(List.of());
        paths.thenAcceptAsync(
                found -> {
                    CompletableFuture<Void> released = life.participants().release();
                    bounded(released)
                            .thenCombine(drain(), (a, b) -> a)
                            .thenRunAsync(
                                    () -> {
                                        removeTraces(found);
                                        exitNow(reason);
                                    },
                                    life.loop());
                },
                life.loop());
    }

    /** A child that was not the service leaves everything to its parent, if that lives. */
    private boolean ownsTraces() {
        return served || parent == null || parent.isParentGone();
    }

    private void removeTraces(List<UnixPaths.Bound> paths) {
        life.fds().unlink(paths);
        files.remove();
    }

    /** The JVM ends, in order or by {@code System.exit}, but not by a halt. On a thread of its own. */
    void jvmEnds() {
        State last = life.ends(LAST_WORDS);
        if (parent != null && (last == INITIALIZING || last == TAKING_OVER)) {
            String why = life.failure();
            parent.failed(why == null ? "it exited before it was ready" : why);
        }
        if (served && (last == SERVING || last == STOPPING)) { // nobody called stop(), or nobody waited for the drain
            removeTraces(life.fds().unixPaths(Duration.ofSeconds(1)).join());
        } else {
            files.discard(life.pid());
        }
        life.endNativeCode();
    }
}
