package io.tableflip.core;

import static io.tableflip.core.State.EXITING;
import static io.tableflip.core.State.INITIALIZING;
import static io.tableflip.core.State.LINGERING;
import static io.tableflip.core.State.SERVING;
import static io.tableflip.core.State.STOPPING;
import static io.tableflip.core.State.TAKING_OVER;
import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.tableflip.core.UpgradeException.Reason;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The life of this process. Its state belongs to the thread of the {@link Loop}; the public methods only leave tasks there. One upgrade is
 * the matter of a {@link Handover} (in the parent) and a {@link Takeover} (in the child).
 */
final class Lifecycle implements Upgrader {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Settings settings;
    private final Supplier<Os> os;
    private final @Nullable Launcher launcher;
    private final @Nullable ParentLink parent;
    private final long pid = ProcessHandle.current().pid();
    private final Loop loop;
    private final Fds fds;
    private final Participants participants = new Participants();
    private final Listeners listeners;
    private final @Nullable PidFile pidFile;
    private final Takeover takeover;
    private final Exit exit;
    private final CompletableFuture<Void> parentExited = new CompletableFuture<>();

    private volatile State state = INITIALIZING;
    private volatile @Nullable String failure;

    // for the thread of the loop
    private @Nullable Handover handover;
    private boolean served;
    private boolean upgraded;
    private boolean stopRequested;
    private int stopSignals;

    /** Loads the native code when it is asked for, once. */
    private static final class Native {
        static final Os OS = new NativeOs();
    }

    /**
     * @param launcher {@code null} where upgrades are not possible
     * @param parent {@code null} in the first generation
     */
    Lifecycle(
            Settings settings, Supplier<Os> os, ProcFs proc, @Nullable Launcher launcher, @Nullable ParentLink parent) {
        this.settings = settings;
        this.os = os;
        this.launcher = launcher;
        this.parent = parent;
        loop = new Loop(settings.clock());
        fds = new Fds(os, proc);
        listeners = new Listeners(settings.listener());
        pidFile = settings.pidFile() == null ? null : new PidFile(settings.pidFile(), pid);
        takeover = new Takeover(this, parent, pidFile);
        exit = new Exit(settings, loop);
    }

    static Lifecycle create(Settings settings, boolean supported) throws IOException {
        ProcFs proc = new ProcFs();
        Launcher launcher = supported ? new Launcher(proc) : null;
        ParentLink parent = launcher == null ? null : ParentLink.find(launcher.environment(), proc);
        Lifecycle lifecycle = new Lifecycle(settings, () -> Native.OS, proc, launcher, parent);
        lifecycle.start();
        Runtime.getRuntime().addShutdownHook(new Thread(lifecycle::jvmEnds, "tableflip-shutdown"));
        return lifecycle;
    }

    /** Reads what the parent passed. */
    void start() throws IOException {
        if (parent == null) {
            parentExited.complete(null);
        } else {
            fds.inheritAll(parent.open(
                    message -> loop.execute(() -> takeover.received(message)), () -> loop.execute(this::parentEnded)));
        }
        loop.execute(() -> loop.schedule(settings.upgradeTimeout(), () -> {
            if (state == INITIALIZING) {
                LOG.log(WARNING, "ready() has not been called for {0}: nothing is accepted", settings.upgradeTimeout());
            }
        }));
    }

    // ---- what the user calls

    @Override
    public Fds fds() {
        return fds;
    }

    @Override
    public boolean hasParent() {
        return parent != null;
    }

    @Override
    public int generation() {
        return parent == null ? 1 : parent.generation();
    }

    @Override
    public boolean isSupported() {
        return launcher != null;
    }

    @Override
    public State state() {
        return state;
    }

    @Override
    public void register(Participant participant) {
        requireNonNull(participant);
        loop.execute(() -> participants.add(participant));
    }

    @Override
    public void unregister(Participant participant) {
        loop.execute(() -> participants.remove(participant));
    }

    @Override
    public CompletableFuture<Void> ready() {
        loop.execute(takeover::begin);
        return takeover.ready();
    }

    @Override
    public CompletableFuture<Long> upgrade() {
        CompletableFuture<Long> result = new CompletableFuture<>();
        loop.execute(() -> {
            UpgradeException refusal = refusal();
            if (refusal == null) {
                beginHandover(result);
            } else {
                LOG.log(WARNING, "upgrade: refused: {0}", refusal.getMessage());
                result.completeExceptionally(refusal);
            }
        });
        return result;
    }

    @Override
    public void stop() {
        loop.execute(this::beginStop);
    }

    @Override
    public CompletableFuture<Void> exit() {
        return exit.future();
    }

    @Override
    public void awaitExit() throws InterruptedException {
        try {
            exit.future().get();
        } catch (ExecutionException e) {
            throw notReady(e);
        }
    }

    @Override
    public boolean awaitExit(Duration timeout) throws InterruptedException {
        try {
            exit.future().get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
            return true;
        } catch (ExecutionException e) {
            throw notReady(e);
        } catch (TimeoutException e) {
            return false;
        }
    }

    private static IllegalStateException notReady(ExecutionException e) {
        Throwable cause = unwrap(e);
        return new IllegalStateException("this process did not get ready: " + cause.getMessage(), cause);
    }

    @Override
    public CompletableFuture<Void> parentExited() {
        return parentExited;
    }

    @Override
    public void reportFailure(Throwable cause) {
        String message = unwrap(cause).getMessage();
        failure = message == null ? cause.toString() : message;
    }

    @Override
    public void close() {
        if (state == INITIALIZING && failure == null) {
            failure = "it closed its upgrader before it was ready; its log says why";
        }
        stop();
    }

    // ---- what the steps of an upgrade use

    Settings settings() {
        return settings;
    }

    Loop loop() {
        return loop;
    }

    Launcher launcher() {
        return requireNonNull(launcher);
    }

    Participants participants() {
        return participants;
    }

    Listeners listeners() {
        return listeners;
    }

    long pid() {
        return pid;
    }

    /** The only place where the state changes. */
    void move(State to) {
        if (!state.canMoveTo(to)) {
            throw new IllegalStateException("from " + state + " to " + to);
        }
        LOG.log(DEBUG, "{0} -> {1}", state, to);
        state = to;
    }

    /** Begins to drain; the future completes at the drain timeout at the latest. */
    CompletableFuture<DrainReport> drain() {
        listeners.tell(LifecycleListener::draining);
        CompletableFuture<DrainReport> drained =
                participants.drain(settings.drainTimeout()).copy();
        loop.schedule(settings.drainTimeout().plus(Settings.MOMENT), () -> {
            if (drained.complete(DrainReport.NOTHING)) {
                LOG.log(WARNING, "a participant does not end its drain, it is not waited for any longer");
            }
        });
        drained.thenAcceptAsync(this::drained, loop);
        return drained;
    }

    private void drained(DrainReport report) {
        if (state != SERVING) { // not if it was cancelled by a rollback
            LOG.log(INFO, "drained: {0}", report);
            listeners.tell(listener -> listener.drained(report));
        }
    }

    /** A child is the service: this process ends when it has drained. */
    void linger(CompletableFuture<DrainReport> drained) {
        handover = null;
        upgraded = true;
        drained.thenRunAsync(() -> exitNow(null), loop);
    }

    void handoverEnded() {
        handover = null;
    }

    void restorePidFile(long child) {
        if (pidFile != null) {
            pidFile.restore(child);
        }
    }

    void discardPidFile(long preparedBy) {
        if (pidFile != null) {
            pidFile.discard(preparedBy);
        }
    }

    /** This process is the service. What needs native code comes now, where it holds up nobody. */
    void served() {
        served = true;
        Thread thread = new Thread(this::prepareForUpgrade, "tableflip-native");
        thread.setDaemon(true);
        thread.start();
    }

    private void prepareForUpgrade() {
        if (launcher == null) {
            return;
        }
        try {
            Os loaded = os.get();
            fds.closeInherited();
            fds.setCloseOnExec();
            if (parent != null) {
                parent.closeOriginals(loaded);
            }
        } catch (IOException | LinkageError | RuntimeException e) {
            LOG.log(WARNING, "no upgrade will be possible", e);
        }
    }

    /** This process did not get ready and has to end. */
    void leave(Throwable reason) {
        LOG.log(ERROR, "not ready: {0}", reason.getMessage());
        if (pidFile != null) {
            pidFile.discard(pid);
        }
        drainAndExit(reason);
    }

    private void exitNow(@Nullable Throwable reason) {
        move(EXITING);
        LOG.log(INFO, "generation {0} (pid {1}) is done", generation(), Long.toString(pid));
        exit.begin(reason);
    }

    // ---- upgrade and stop

    private @Nullable UpgradeException refusal() {
        if (launcher == null) {
            return new UpgradeException(Reason.NOT_SUPPORTED, "upgrades are not possible on this platform");
        }
        if (handover != null) {
            return new UpgradeException(Reason.IN_PROGRESS, "another upgrade is in progress");
        }
        if (upgraded) {
            return new UpgradeException(Reason.ALREADY_UPGRADED, "a newer process has taken over already");
        }
        return switch (state) {
            case INITIALIZING, TAKING_OVER -> new UpgradeException(Reason.NOT_READY, "this process is not ready yet");
            case STOPPING, EXITING -> new UpgradeException(Reason.STOPPING, "this process was told to stop");
            default -> parentExited.isDone() ? null : parentRunning();
        };
    }

    private UpgradeException parentRunning() {
        return new UpgradeException(
                Reason.PARENT_RUNNING,
                "the parent has not exited yet" + (parent == null ? "" : " (pid " + parent.pid() + ")"));
    }

    private void beginHandover(CompletableFuture<Long> result) {
        try {
            Handover next = new Handover(this, os.get(), result);
            handover = next;
            next.start();
        } catch (LinkageError | RuntimeException e) {
            handover = null;
            result.completeExceptionally(
                    new UpgradeException(Reason.NOT_SUPPORTED, "the native code cannot be loaded: " + e, e));
        }
    }

    private void parentEnded() {
        takeover.parentEnded();
        if (parentExited.complete(null) && state != INITIALIZING && state != TAKING_OVER) {
            LOG.log(INFO, "the parent has gone");
        }
        listeners.tell(LifecycleListener::parentExited);
    }

    private void beginStop() {
        if (stopRequested) {
            return;
        }
        switch (state) {
            case INITIALIZING, TAKING_OVER -> stopUnready();
            case SERVING, STARTING, DRAINING, COMMITTING -> stopService();
            case LINGERING, STOPPING, EXITING -> {}
        }
    }

    /** Tells the parent first, so that it accepts again at once. */
    private void stopUnready() {
        stopRequested = true;
        takeover.stopped();
        if (parent != null) {
            if (state == INITIALIZING) {
                parent.failed(failure == null ? "it was stopped before it was ready" : failure);
            }
            parent.hangUp(os.get());
        }
        drainAndExit(null);
    }

    private void stopService() {
        Handover current = handover;
        if (current != null) {
            current.receive(); // the child may have committed just now
        }
        State now = state;
        if (now == LINGERING) {
            return;
        }
        stopRequested = true;
        LOG.log(INFO, "stop");
        if (current == null || handover == null) {
            drainAndExit(null);
        } else if (now == State.DRAINING || now == State.COMMITTING) {
            current.passStopOn();
            drainAndExit(null);
        } else {
            current.stopChild(() -> drainAndExit(null));
        }
    }

    private void drainAndExit(@Nullable Throwable reason) {
        move(STOPPING);
        boolean owner = served || parent == null; // a child that was not the service leaves everything to its parent
        CompletableFuture<List<UnixPaths.Bound>> paths =
                owner ? fds.unixPaths(Settings.MOMENT) : CompletableFuture.completedFuture(List.of());
        paths.thenAcceptAsync(
                found -> {
                    participants.release();
                    drain().thenRunAsync(
                                    () -> {
                                        removeTraces(owner, found);
                                        exitNow(reason);
                                    },
                                    loop);
                },
                loop);
    }

    private void removeTraces(boolean owner, List<UnixPaths.Bound> paths) {
        if (owner) {
            fds.unlink(paths);
        }
        if (pidFile != null) {
            pidFile.remove();
        }
    }

    /** The first signal stops; the second one ends a process that takes its time. */
    void stopBySignal(String name) {
        loop.execute(() -> {
            stopSignals++;
            boolean leaving = stopRequested || state == LINGERING || state == STOPPING || state == EXITING;
            if (leaving && stopSignals > 1) {
                LOG.log(WARNING, "SIG{0} again: ends at once", name);
                if (!upgraded) {
                    removeTraces(false, List.of());
                }
                Runtime.getRuntime().halt(1);
            } else if (leaving) {
                LOG.log(INFO, "SIG{0}: this process is leaving already; once more to end it at once", name);
            } else {
                beginStop();
            }
        });
    }

    /** The JVM ends, in order or by {@code System.exit}, but not by a halt. On a thread of its own. */
    private void jvmEnds() {
        State last = state;
        if (parent != null && (last == INITIALIZING || last == TAKING_OVER)) {
            parent.failed(failure == null ? "it exited before it was ready" : failure);
        }
        if (last == SERVING) { // nobody called stop()
            removeTraces(true, fds.unixPaths(Duration.ofSeconds(1)).join());
        } else if (pidFile != null) {
            pidFile.discard(pid);
        }
    }

    static Throwable unwrap(Throwable failure) {
        Throwable cause = failure.getCause();
        boolean wrapper = failure instanceof CompletionException || failure instanceof ExecutionException;
        return wrapper && cause != null ? unwrap(cause) : failure;
    }
}
