package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.tableflip.core.ExitReason;
import io.tableflip.core.Fds;
import io.tableflip.core.Participant;
import io.tableflip.core.State;
import io.tableflip.core.Upgrader;
import io.tableflip.core.WarmUp;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.launch.SocketActivation;
import io.tableflip.core.link.Message;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.log.Log;
import io.tableflip.core.observe.Observers;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.resources.Admission;
import io.tableflip.core.text.Printable;
import io.tableflip.core.transfer.DescriptorRoom;
import io.tableflip.core.transfer.IncomingTransfer;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The upgrader of this process: puts its parts together, and leaves what the user calls as tasks to the
 * thread of the {@link Loop}, which owns all state. In the parent an upgrade is a {@link Handover}, in the
 * child a {@link Takeover}; {@link Shutdown} is how a process leaves.
 */
final class Lifecycle implements Upgrader {
    private static final System.Logger LOG = Log.get();

    /** How many callbacks of futures, and calls of participants, run at the same time whatever happens. */
    private static final int WORKERS = 4;

    /** What systemd has passed is passed once, and a process may have several stubs. */
    private static final AtomicBoolean ACTIVATED = new AtomicBoolean();

    private final @Nullable Launcher launcher;
    private final ProcFs proc;
    private final Context context;
    private final Loop loop;
    private final Terminal terminal;
    private final Participants participants;
    private final Parent parent;
    private final Descriptors fds;
    private final Reporting reporting;
    private final Housekeeping housekeeping;
    private final Takeover takeover;
    private final Upgrades upgrades;
    private final FileWatch fileWatch;
    private final ForgottenCalls forgottenCalls;
    private final Shutdown shutdown;

    /**
     * @param launcher {@code null} where upgrades are not possible
     * @param link {@code null} in the first generation
     */
    Lifecycle(Settings settings, Supplier<Os> os, ProcFs proc, @Nullable Launcher launcher, @Nullable ParentLink link) {
        this.launcher = launcher;
        this.proc = proc;
        Log.identify(link == null ? 1 : link.generation());
        loop = new Loop(settings.clock());
        terminal = new Terminal(loop, proc);
        boolean isStub = launcher == null;
        int workers = isStub ? 0 : WORKERS;
        Observers observers = new Observers(settings.listener(), isStub);
        context = new Context(
                loop,
                new StateMachine(),
                settings,
                observers,
                new Workers("tableflip-worker", workers),
                ProcessHandle.current().pid(),
                link == null ? 1 : link.generation(),
                isStub);
        participants = new Participants(loop, new Workers("tableflip-participant", workers));
        parent = new Parent(link, incoming(link), loop, observers);
        fds = new Descriptors(os, proc);
        reporting = new Reporting(context, proc, parent);
        NativeCode nativeCode = new NativeCode(os);
        ServiceFiles files = reporting.files();
        reporting.toSystemd(environment(), nativeCode);
        files.leaveToLauncher(environment());
        Admission admission = new Admission(proc, settings.resourceCheck());
        IdleBoot idleBoot = new IdleBoot(context, proc, parent);
        housekeeping =
                new Housekeeping(context, proc, launcher, parent, nativeCode, fds, participants, admission, idleBoot);
        Draining draining = new Draining(context, participants);
        takeover = new Takeover(context, parent, participants, fds, nativeCode, files, new TakeoverSteps());
        upgrades = new Upgrades(
                context,
                launcher,
                parent,
                new Upgrades.Parts(
                        proc, nativeCode, fds, participants, draining, files, admission, idleBoot, housekeeping),
                this::upgradeEnded);
        fileWatch = new FileWatch(context, proc, files, parent, upgrades::request);
        forgottenCalls = new ForgottenCalls(context);
        shutdown = new Shutdown(
                context,
                new Shutdown.Parts(parent, nativeCode, fds, participants, draining, files),
                takeover,
                upgrades);
    }

    private @Nullable IncomingTransfer incoming(@Nullable ParentLink link) {
        int fd = link == null ? -1 : link.transferFd();
        return fd < 0
                ? null
                : new IncomingTransfer(
                        fd, new DescriptorRoom(proc), (delay, step) -> loop.execute(() -> loop.schedule(delay, step)));
    }

    /** The variables that this process was started with. */
    private Map<String, String> environment() {
        return launcher == null ? System.getenv() : launcher.environment();
    }

    /** Reads what was passed to this process. */
    void start() throws IOException {
        if (parent.exists()) {
            try {
                fds.socketPaths().keep(SocketActivation.kept(environment()));
                fds.socketPaths().inherit(environment().getOrDefault(Launcher.SOCKET_FILES, ""));
                fds.inheritAll(parent.open(this::received, this::parentEnded));
            } catch (IOException e) {
                parent.failed(Failures.message(e));
                throw e;
            }
        } else if (!ACTIVATED.getAndSet(true) || !context.isStub()) {
            fds.activate(SocketActivation.of(environment(), proc, context.pid()));
        }
        parent.exited().thenRunAsync(upgrades::beginRequested, loop);
        upgrades.supervisor().ifPresent(why -> LOG.log(WARNING, "upgrades will be refused: {0}", why));
        Duration limit = context.settings().upgradeTimeout();
        loop.execute(() -> loop.schedule(limit, () -> warnIfNotReady(limit)));
        loop.execute(forgottenCalls::watch);
        if (context.settings().upgradeOn().contains("HUP")) {
            loop.execute(terminal::watch);
        }
    }

    private void warnIfNotReady(Duration since) {
        Phase phase = context.phase();
        if (phase.isUnready()) {
            LOG.log(
                    WARNING,
                    phase == Phase.INITIALIZING
                            ? "ready() has not been called for {0}: this process does not accept connections"
                            : "not ready after {0}, a warm-up or a participant''s acquire() has not ended: this process"
                                    + " does not accept connections",
                    Printable.of(since));
        }
    }

    /** On the thread that reads from the parent. */
    private void received(Message message) {
        if (message.type() == Message.DRAINED) {
            context.reached(Checkpoint.DRAINED_RECEIVED);
        }
        loop.execute(() -> takeover.received(message));
    }

    private void parentEnded() {
        takeover.parentEnded();
        context.workers().execute(fds.socketPaths()::parentExited);
        if (!context.phase().isUnready()) {
            LOG.log(INFO, "the parent has exited, {0} ms after this process began to serve", reporting.servedMillis());
        }
    }

    /** What follows from a takeover. */
    private final class TakeoverSteps implements Takeover.Steps {
        @Override
        public void serving() {
            LOG.log(
                    INFO,
                    "generation {0} (pid {1}) is serving, {2} ms after its start",
                    context.generation(),
                    Long.toString(context.pid()),
                    Long.toString(reporting.millisSinceStart()));
            reporting.serving();
            fds.socketPaths().serving();
            housekeeping.serving();
            fileWatch.begin();
            upgrades.beginRequested();
        }

        @Override
        public void parentLost() {
            housekeeping.parentLost();
        }

        @Override
        public void givenUp(Throwable reason) {
            shutdown.giveUp(reason);
        }

        @Override
        public void stop() {
            shutdown.stop();
        }

        @Override
        public void requestUpgrade() {
            upgrades.request();
        }
    }

    private void upgradeEnded(Handover.Outcome outcome) {
        if (outcome instanceof Handover.Outcome.Upgraded upgraded) {
            shutdown.linger(upgraded.released());
        } else if (outcome instanceof Handover.Outcome.Stopped) {
            shutdown.stopped();
        } else {
            upgrades.beginRequested();
        }
    }

    // ---- what the user calls

    @Override
    public Fds fds() {
        return fds;
    }

    @Override
    public boolean hasParent() {
        return parent.exists();
    }

    @Override
    public int generation() {
        return context.generation();
    }

    @Override
    public boolean isSupported() {
        return launcher != null;
    }

    @Override
    public State state() {
        return context.phase().state();
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
        forgottenCalls.readyCalled();
        loop.execute(takeover::begin);
        return forUser(takeover.ready());
    }

    @Override
    public CompletableFuture<Void> ready(WarmUp warmUp, Duration limit) {
        requireNonNull(warmUp);
        Duration timeout = context.settings().upgradeTimeout();
        if (limit.isNegative() || limit.compareTo(timeout) >= 0) {
            throw new IllegalArgumentException(
                    "a warm-up of " + limit + ": it must end well within the upgrade timeout, " + timeout);
        }
        forgottenCalls.readyCalled();
        loop.execute(() -> takeover.begin(warmUp, limit));
        return forUser(takeover.ready());
    }

    @Override
    public CompletableFuture<Long> upgrade() {
        CompletableFuture<Long> result = new CompletableFuture<>();
        loop.execute(() -> upgrades.begin(result));
        return forUser(result);
    }

    void upgradeBySignal(String name) {
        loop.execute(() -> {
            if (name.equals("HUP") && terminal.hasJustGone()) {
                LOG.log(INFO, "SIGHUP: the terminal of this process has gone, so it stops");
                shutdown.stop();
            } else {
                upgrades.request();
            }
        });
        context.reached(Checkpoint.SIGNAL_RECEIVED);
    }

    @Override
    public void stop() {
        loop.execute(shutdown::stop);
    }

    void stopBySignal(String name) {
        loop.execute(() -> shutdown.stopBySignal(name));
        context.reached(Checkpoint.SIGNAL_RECEIVED);
    }

    @Override
    public CompletableFuture<ExitReason> exit() {
        forgottenCalls.exitCalled();
        return forUser(shutdown.exit().future());
    }

    @Override
    public ExitReason awaitExit() throws InterruptedException {
        forgottenCalls.exitCalled();
        return shutdown.exit().await();
    }

    @Override
    public Optional<ExitReason> awaitExit(Duration timeout) throws InterruptedException {
        forgottenCalls.exitCalled();
        return shutdown.exit().await(timeout);
    }

    @Override
    public CompletableFuture<Void> parentExited() {
        return forUser(parent.exited());
    }

    @Override
    public CompletableFuture<Void> parentPaused() {
        return forUser(parent.paused());
    }

    /**
     * A future of its own for every caller: what a user does to it does not touch ours, and callbacks run on
     * a thread that may block.
     */
    private <T> CompletableFuture<T> forUser(CompletableFuture<T> ours) {
        CompletableFuture<T> users = new CompletableFuture<>();
        ours.whenCompleteAsync(
                (value, problem) -> {
                    if (problem == null) {
                        users.complete(value);
                    } else {
                        users.completeExceptionally(Failures.unwrap(problem));
                    }
                },
                context.workers());
        return users;
    }

    @Override
    public void reportFailure(Throwable cause) {
        shutdown.reportFailure(Failures.message(cause));
    }

    /** {@code ready()}, unless the program has called it itself. */
    void readyUnlessCalled() {
        if (!forgottenCalls.isReadyCalled()) {
            ready();
        }
    }

    /** The thread that has built this upgrader ends with an exception that nobody has caught. */
    void threadFailed(Throwable cause) {
        shutdown.reportFailure(Failures.message(cause));
        loop.execute(shutdown::threadFailed);
    }

    @Override
    public void close() {
        shutdown.closed();
        stop();
        if (context.isStub()) {
            shutdown.exit().makeRoom(); // for the next one, whose user need not wait for the end of this one
        }
    }

    /** Shows this process by the instruments of the JVM. */
    void showToJvm() {
        loop.execute(reporting::toJvm);
    }

    // ---- for tests

    Context context() {
        return context;
    }

    @Nullable
    Launcher launcher() {
        return launcher;
    }

    Participants participants() {
        return participants;
    }

    Shutdown shutdown() {
        return shutdown;
    }

    ServiceFiles files() {
        return reporting.files();
    }
}
