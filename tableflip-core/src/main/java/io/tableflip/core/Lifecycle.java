package io.tableflip.core;

import static io.tableflip.core.State.INITIALIZING;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
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
    private final ProcFs proc;
    private final @Nullable Launcher launcher;
    private final @Nullable ParentLink parent;
    private final long pid = ProcessHandle.current().pid();
    private final Loop loop;
    private final Fds fds;
    /** For what may take its time, and for code of the user, which must never run on the thread of the loop. */
    private final Executor background;

    private final Participants participants;
    private final Reporting reporting;
    private final Takeover takeover;
    private final Departure departure;
    private final ChildMemory childMemory;
    private final IdleBoot idleBoot;
    private final Preparation preparation;
    private final CompletableFuture<Void> parentExited = new CompletableFuture<>();
    private final CompletableFuture<Void> parentPaused = new CompletableFuture<>();

    /** Held while native code is loaded ahead, and by a child while it hangs up. */
    private final ReentrantLock nativeCode = new ReentrantLock();

    /** Guarded by {@link #nativeCode}. */
    private boolean nativeCodeEnded;

    private volatile State state = INITIALIZING;

    /** Why initialisation is failing, as far as the program has told. */
    private volatile @Nullable String failure;

    private volatile @Nullable String whyNoUpgrades;
    private volatile boolean ending;

    // for the thread of the loop
    private @Nullable Handover handover;
    private boolean parentGone;
    private boolean upgraded;

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
        this.proc = proc;
        this.launcher = launcher;
        this.parent = parent;
        loop = new Loop(settings.clock());
        background = new PatientExecutor(loop, Executors.newCachedThreadPool(Lifecycle::thread));
        participants = new Participants(new PatientExecutor(loop, new CallThreads("tableflip-participant")));
        fds = new Fds(os, proc);
        reporting = new Reporting(this, proc, parent);
        if (launcher != null) {
            reporting.toSystemd(launcher.environment());
            files().leaveToLauncher(launcher.environment());
        }
        childMemory = new ChildMemory(proc, settings.memoryCheck());
        idleBoot = new IdleBoot(settings.idleBoot(), proc);
        takeover = new Takeover(this, parent, files());
        departure = new Departure(this, parent, files());
        preparation = new Preparation(this, launcher, parent);
    }

    private static Thread thread(Runnable task) {
        Thread thread = new Thread(task, "tableflip-background");
        thread.setDaemon(true);
        return thread;
    }

    /** @param whyNoUpgrades {@code null} where upgrades are possible */
    static Lifecycle create(Settings settings, @Nullable String whyNoUpgrades) throws IOException {
        ProcFs proc = new ProcFs();
        Launcher launcher = whyNoUpgrades == null ? new Launcher(proc) : null;
        ParentLink parent = launcher == null ? null : ParentLink.find(launcher.environment(), proc);
        Lifecycle lifecycle = new Lifecycle(settings, () -> Native.OS, proc, launcher, parent);
        lifecycle.whyNoUpgrades = whyNoUpgrades;
        lifecycle.loop.execute(lifecycle.reporting::toJvm); // before anything there is to tell, and not on this thread
        lifecycle.start();
        Runtime.getRuntime().addShutdownHook(new Thread(lifecycle.departure::jvmEnds, "tableflip-shutdown"));
        return lifecycle;
    }

    /** Reads what the parent passed. */
    void start() throws IOException {
        if (parent == null) {
            parentGone = true;
            parentExited.complete(null);
            parentPaused.complete(null);
            if (launcher != null) {
                fds.activate(SocketActivation.of(launcher.environment(), proc, pid));
            }
        } else {
            inherit(parent);
        }
        loop.execute(() -> loop.schedule(settings.upgradeTimeout(), () -> {
            if (state == INITIALIZING) {
                LOG.log(
                        WARNING,
                        "ready() has not been called for {0}: nothing is accepted",
                        Settings.text(settings.upgradeTimeout()));
            }
        }));
    }

    private void inherit(ParentLink from) throws IOException {
        try {
            fds.keepPaths(SocketActivation.kept(launcher().environment()));
            fds.inheritAll(from.open(loop, this::received, () -> loop.execute(this::parentEnded)));
        } catch (IOException e) {
            from.failed(String.valueOf(e.getMessage()));
            throw e;
        }
    }

    /** On the thread that reads from the parent. */
    private void received(Message message) {
        if (message.type() == Message.DRAINED) {
            reached(Checkpoint.DRAINED_RECEIVED);
        }
        loop.execute(() -> takeover.received(message));
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
        return forUser(takeover.ready());
    }

    @Override
    public CompletableFuture<Void> ready(WarmUp warmUp, Duration limit) {
        requireNonNull(warmUp);
        if (limit.isNegative() || limit.compareTo(settings.upgradeTimeout()) >= 0) {
            throw new IllegalArgumentException("a warm-up of " + limit
                    + ": it must end well within the upgrade timeout, " + settings.upgradeTimeout());
        }
        loop.execute(() -> takeover.begin(warmUp, limit));
        return forUser(takeover.ready());
    }

    @Override
    public CompletableFuture<Long> upgrade() {
        CompletableFuture<Long> result = new CompletableFuture<>();
        loop.execute(() -> {
            try {
                beginHandover(result);
            } catch (RuntimeException | Error e) {
                LOG.log(ERROR, "upgrade: failed", e);
                result.completeExceptionally(
                        new UpgradeException(Reason.SPAWN_FAILED, "the upgrade could not begin: " + e, e));
            }
        });
        return forUser(result);
    }

    @Override
    public void stop() {
        loop.execute(departure::stop);
    }

    /** The first signal stops; the second one ends a process that takes its time. */
    void stopBySignal(String name) {
        loop.execute(() -> departure.stopBySignal(name));
        reached(Checkpoint.SIGNAL_RECEIVED);
    }

    void upgradeBySignal() {
        upgrade();
        reached(Checkpoint.SIGNAL_RECEIVED);
    }

    @Override
    public CompletableFuture<Void> exit() {
        return forUser(departure.exit());
    }

    @Override
    public void awaitExit() throws InterruptedException {
        try {
            departure.exit().get();
        } catch (ExecutionException e) {
            throw notReady(e);
        }
    }

    @Override
    public boolean awaitExit(Duration timeout) throws InterruptedException {
        try {
            departure.exit().get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
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
        return forUser(parentExited);
    }

    @Override
    public CompletableFuture<Void> parentPaused() {
        return forUser(parentPaused);
    }

    /**
     * A future of its own for every caller: what a user does to it, a timeout for example, happens to nothing of ours, and what
     * hangs on it runs on a thread of ours that may be blocked.
     */
    private <T> CompletableFuture<T> forUser(CompletableFuture<T> ours) {
        CompletableFuture<T> users = new CompletableFuture<>();
        ours.whenCompleteAsync(
                (value, problem) -> {
                    if (problem == null) {
                        users.complete(value);
                    } else {
                        users.completeExceptionally(unwrap(problem));
                    }
                },
                background);
        return users;
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

    ChildMemory childMemory() {
        return childMemory;
    }

    IdleBoot idleBoot() {
        return idleBoot;
    }

    Participants participants() {
        return participants;
    }

    void sendDatagram(byte[] address, byte[] message) throws SystemCallException {
        nativeCode.lock();
        try {
            if (!nativeCodeEnded) {
                os.get().sendDatagram(address, message);
            }
        } finally {
            nativeCode.unlock();
        }
    }

    Observers observers() {
        return reporting.observers();
    }

    long pid() {
        return pid;
    }

    /**
     * The JVM ends: nothing begins any more that another process would have to go on with. Waits until the thread of the lifecycle knows it; not for
     * that thread.
     *
     * @param patience how long to wait
     * @return the state in which it ends
     */
    State ends(Duration patience) {
        CompletableFuture<State> known = new CompletableFuture<>();
        loop.execute(() -> {
            ending = true;
            known.complete(state);
        });
        try {
            return known.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.log(DEBUG, "the lifecycle does not hear that the JVM ends", e);
        }
        ending = true;
        return state;
    }

    boolean isEnding() {
        return ending;
    }

    /** The only place where the state changes. */
    void make(Move move) {
        if (!move.from().contains(state)) {
            throw new IllegalStateException(move + " while " + state);
        }
        LOG.log(DEBUG, "{0}: {1} -> {2}", move, state, move.to());
        state = move.to();
    }

    /** Where a test may stop this process. */
    void reached(Checkpoint checkpoint) {
        settings.checkpoints().reached(checkpoint);
    }

    Executor background() {
        return background;
    }

    Departure departure() {
        return departure;
    }

    Supplier<Os> os() {
        return os;
    }

    @Nullable
    Handover handover() {
        return handover;
    }

    @Nullable
    String failure() {
        return failure;
    }

    /** A child is the service: this process ends when it has drained and let go. */
    void linger(CompletableFuture<?> drained, CompletableFuture<?> released) {
        handover = null;
        upgraded = true;
        fds.passNoMore();
        departure.afterDrain(drained, released);
    }

    void handoverEnded() {
        handover = null;
    }

    /** As {@link Reporting#millisSinceStart}. */
    long millisSinceStart() {
        return reporting.millisSinceStart();
    }

    ServiceFiles files() {
        return reporting.files();
    }

    void parentHasPaused() {
        parentPaused.complete(null);
    }

    /** This process is the service. */
    void served() {
        parentHasPaused(); // or does not say so
        departure.served();
        reporting.serving();
        preparation.served();
    }

    /** The parent has gone, or has given up this process. */
    void parentLost() {
        preparation.parentLost();
    }

    /** Does what loads native code, unless the JVM is about to end: see {@link #endNativeCode}. */
    void withNativeCode(Runnable use) {
        nativeCode.lock();
        try {
            if (!nativeCodeEnded) {
                use.run();
            }
        } finally {
            nativeCode.unlock();
        }
    }

    /**
     * Lets a loading of native code that has begun come to its end, and no other begin: what unpacks it leaves its file behind when the JVM
     * ends meanwhile.
     */
    void endNativeCode() {
        try {
            if (!nativeCode.tryLock(Settings.MOMENT.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.log(DEBUG, "native code is still being loaded, it is not waited for any longer");
                return;
            }
            nativeCodeEnded = true;
            nativeCode.unlock();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private @Nullable UpgradeException refusal() {
        if (launcher == null) {
            return new UpgradeException(Reason.NOT_SUPPORTED, "no upgrades here: " + whyNoUpgrades);
        }
        if (files().missing() != null) {
            return new UpgradeException(Reason.NOT_SUPPORTED, "the new process would fail too: " + files().missing());
        }
        if (departure.isStopRequested() || ending) {
            return new UpgradeException(
                    Reason.STOPPING, ending ? "the JVM of this process ends" : "this process was told to stop");
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
            default -> isParentGone() ? null : parentRunning();
        };
    }

    /** Whoever has seen the parent's process end may upgrade at once, though the end of the link is still on its way to the loop. */
    private boolean isParentGone() {
        return parentGone || (parent != null && parent.isParentGone());
    }

    private UpgradeException parentRunning() {
        return new UpgradeException(
                Reason.PARENT_RUNNING,
                "the parent has not exited yet" + (parent == null ? "" : " (pid " + parent.pid() + ")"));
    }

    private void beginHandover(CompletableFuture<Long> result) {
        UpgradeException refusal = refusal();
        if (refusal != null) {
            refuse(refusal, result);
            return;
        }
        preparation.upgradeBegins();
        Os loaded;
        try {
            loaded = os.get();
        } catch (LinkageError e) {
            refuse(
                    new UpgradeException(
                            Reason.NOT_SUPPORTED,
                            "the native code cannot be loaded, is java.io.tmpdir writable and mounted without noexec? "
                                    + e,
                            e),
                    result);
            return;
        }
        preparation.ensureNormal(loaded);
        handover = new Handover(this, loaded, result);
        handover.start();
    }

    private void refuse(UpgradeException refusal, CompletableFuture<Long> result) {
        LOG.log(WARNING, "upgrade: refused: {0}", refusal.getMessage());
        observers().tell(observer -> observer.upgradeRefused(refusal));
        result.completeExceptionally(refusal);
    }

    private void parentEnded() {
        takeover.parentEnded();
        parentGone = true;
        if (parentExited.complete(null) && state != INITIALIZING && state != TAKING_OVER) {
            LOG.log(INFO, "the parent has gone, {0} ms after this process began to serve", reporting.servedMillis());
        }
        observeEndOfParent(Settings.MOMENT);
    }

    /** The end of the link comes a moment before the end of the process. */
    private void observeEndOfParent(Duration left) {
        if (parent == null || parent.isParentGone() || left.isNegative()) {
            observers().tell(Observer::parentExited);
        } else {
            loop.schedule(Settings.GONE_CHECK, () -> observeEndOfParent(left.minus(Settings.GONE_CHECK)));
        }
    }

    Takeover takeover() {
        return takeover;
    }

    static Throwable unwrap(Throwable failure) {
        Throwable cause = failure.getCause();
        boolean wrapper = failure instanceof CompletionException || failure instanceof ExecutionException;
        return wrapper && cause != null ? unwrap(cause) : failure;
    }
}
