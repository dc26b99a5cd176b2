package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Describes an {@link Upgrader}. Not thread-safe. */
public final class UpgraderBuilder {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final AtomicBoolean BUILT = new AtomicBoolean();

    private static final Duration FOR_EVER = Duration.ofDays(10_000);

    private @Nullable Path pidFile;
    private Duration upgradeTimeout = Duration.ofMinutes(1);
    private Duration readyAfter = Duration.ofSeconds(5);
    private Duration drainTimeout = Duration.ofSeconds(30);
    private Duration exitDeadline = Duration.ofSeconds(10);
    private boolean haltAtExitDeadline = true;
    private UnaryOperator<ChildCommand> childCommand = UnaryOperator.identity();
    private MemoryCheck memoryCheck = MemoryCheck.WARN;
    private Duration idleBoot = Duration.ZERO;
    private LifecycleListener listener = new LifecycleListener() {};
    private @Nullable LongSupplier clock;
    private Checkpoints checkpoints = Checkpoints.NONE;
    private final Set<String> upgradeOn = new LinkedHashSet<>();
    private final Set<String> stopOn = new LinkedHashSet<>();

    UpgraderBuilder() {
        ClassesAhead.begin();
    }

    /**
     * The file that holds the process id of the service. It changes hands at the commit and is removed at the final
     * stop, by {@code tableflip-launcher.sh} if that follows it. Without it there is none.
     *
     * <p>It is written beside its place, as {@code .NAME.PID}, and renamed: whatever was there is replaced, a symbolic link too,
     * which is not followed. So its directory has to be writable for this process, and should be so for nobody else. If it cannot be written, the
     * process does not get ready; but on a file system that is read-only (a container without a tmpfs) the first process serves without
     * it, says so in a warning, and refuses upgrades as {@link UpgradeException.Reason#NOT_SUPPORTED}.
     */
    public UpgraderBuilder pidFile(Path path) {
        pidFile = requireNonNull(path);
        return this;
    }

    /** How long a child may take to get ready before it is killed; one minute by default. */
    public UpgraderBuilder upgradeTimeout(Duration timeout) {
        upgradeTimeout = positive("upgrade timeout", timeout);
        return this;
    }

    /**
     * How long the parent drains, at most, before the child may commit; 5 seconds by default. Connections that live
     * longer are finished by the parent after the commit. Zero commits at once, as Go's tableflip does.
     */
    public UpgraderBuilder readyAfter(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("ready after: " + time + " is negative");
        }
        readyAfter = capped(time);
        return this;
    }

    /** How long connections have to end, from the child's takeover or the stop on, before they are cut; 30 seconds by default. */
    public UpgraderBuilder drainTimeout(Duration timeout) {
        drainTimeout = positive("drain timeout", timeout);
        return this;
    }

    /**
     * How long the process may take to end once {@link Upgrader#exit()} is complete; 10 seconds by default. Then
     * the threads that keep it alive are logged, and it is halted: as long as it lives, no further upgrade is possible.
     */
    public UpgraderBuilder exitDeadline(Duration deadline) {
        exitDeadline = positive("exit deadline", deadline);
        return this;
    }

    /** Whether the process is halted at the exit deadline; {@code true} by default. */
    public UpgraderBuilder haltAtExitDeadline(boolean halt) {
        haltAtExitDeadline = halt;
        return this;
    }

    /**
     * What to start at an upgrade, made from the command line and environment of this process: other JDK flags from now
     * on, or a start script instead of {@code java}. Called at each upgrade; an exception makes that upgrade fail.
     */
    public UpgraderBuilder childCommand(UnaryOperator<ChildCommand> change) {
        childCommand = requireNonNull(change);
        return this;
    }

    /**
     * What to do when the child may take more memory than is free under the limits of the cgroup, or on the machine; {@link MemoryCheck#WARN} by
     * default. It is looked at before each spawn, after {@link #childCommand}.
     */
    public UpgraderBuilder memoryCheck(MemoryCheck check) {
        memoryCheck = requireNonNull(check);
        return this;
    }

    /**
     * Lets a child boot and warm up in the time of the processors that this process leaves over: with the scheduling policy SCHED_IDLE (sched(7)) from its
     * start until it takes over, for {@code limit} at most. Zero, the default: a child is a process like any other, and takes its share from the one that serves.
     *
     * <p>The clients of the parent hardly notice such a child, and it may take its time to warm up. But where every processor is busy it gets next to nothing until
     * the limit is over, and is SCHED_OTHER again from then on. The kernel weighs processes so within one cgroup, or session (autogroup): against others the child is like any.
     *
     * <p>To take the policy back needs the capability CAP_SYS_NICE, as root has it outside of most containers, or a limit RLIMIT_NICE that allows the nice value of this
     * process: {@code LimitNICE=+0} in a unit of systemd. Without that, or with musl, or if this process has another policy than SCHED_OTHER itself, a child boots
     * as ever, and the log says why. If it is refused all the same at the takeover, because the child has changed its user for example, that upgrade fails: the child leaves
     * when it has finished what it has accepted, and later ones boot as ever.
     *
     * <p>A process that the child starts has its policy too; the parent, or the child itself a second after the commit, takes it back from those also.
     *
     * @param limit less than the upgrade timeout, or {@link #build()} fails
     * @throws IllegalArgumentException if the limit is negative
     */
    public UpgraderBuilder idleBoot(Duration limit) {
        if (limit.isNegative()) {
            throw new IllegalArgumentException("idle boot: " + limit + " is negative");
        }
        idleBoot = capped(limit);
        return this;
    }

    /** Who hears of the steps of an upgrade; nobody by default. */
    public UpgraderBuilder listener(LifecycleListener listener) {
        this.listener = requireNonNull(listener);
        return this;
    }

    /**
     * Where the time for every timeout comes from, in nanoseconds that only grow; {@link System#nanoTime} by default.
     * For tests of programs: another clock is looked at every few milliseconds.
     */
    public UpgraderBuilder clock(LongSupplier nanoTime) {
        clock = requireNonNull(nanoTime);
        return this;
    }

    /** For tests of this library: stops the process in the middle of an upgrade. */
    UpgraderBuilder checkpoints(Checkpoints checkpoints) {
        this.checkpoints = checkpoints;
        return this;
    }

    /**
     * Upgrades on these signals, {@code HUP} for example, without the "SIG". Without this call there is no handler. The handlers
     * are installed by {@link #build()}: a signal that comes before {@code ready()} is refused and logged.
     */
    public UpgraderBuilder upgradeOn(String... signals) {
        upgradeOn.addAll(List.of(signals));
        return this;
    }

    /**
     * Stops on these signals, {@code TERM} and {@code INT} for example. The second one while the process stops ends it at
     * once. Without this call the JVM handles them as ever.
     */
    public UpgraderBuilder stopOn(String... signals) {
        stopOn.addAll(List.of(signals));
        return this;
    }

    /**
     * Builds the upgrader. In a child this reads the names of the inherited descriptors.
     *
     * @throws UnsupportedPlatformException if upgrades are not possible on this platform
     * @throws IllegalStateException if this process has an upgrader
     * @throws IllegalArgumentException if a signal does not exist here or is given twice, or if the limit of an idle boot is not within the upgrade timeout
     * @throws IOException if the parent's message cannot be read or makes no sense
     */
    public Upgrader build() throws IOException {
        Optional<String> missing = missing();
        if (missing.isPresent()) {
            throw new UnsupportedPlatformException("no upgrades here: " + missing.get());
        }
        return build(null);
    }

    /**
     * As {@link #build()}, but on a platform where upgrades are not possible it gives an upgrader that refuses them and
     * does everything else: the same program runs on a developer's machine.
     */
    public Upgrader buildOrStub() throws IOException {
        Optional<String> missing = missing();
        return missing.isPresent() ? buildStub(missing.get()) : build(null);
    }

    /**
     * The upgrader that {@link #buildOrStub()} gives where upgrades are not possible, for programs that know another reason
     * than the platform.
     *
     * @param why is logged, once
     * @throws IllegalStateException if this process was spawned by an upgrade, which ends with that: what its parent
     *     could do, it cannot
     */
    public Upgrader buildStub(String why) throws IOException {
        if (missing().isEmpty()) {
            refuseParent(why);
        }
        LOG.log(WARNING, "no upgrades here, all else works: {0}", requireNonNull(why));
        return build(why);
    }

    private static void refuseParent(String why) throws IOException {
        ProcFs proc = new ProcFs();
        ParentLink parent = ParentLink.find(new Launcher(proc).environment(), proc);
        if (parent != null) {
            String failure = "no upgrades are possible in the new process: " + why;
            parent.failed(failure);
            throw new IllegalStateException(failure);
        }
    }

    /** What upgrades need and this platform has not. */
    private static Optional<String> missing() {
        if (!System.getProperty("os.name", "").equals("Linux")) {
            return Optional.of("tableflip needs Linux, this is " + System.getProperty("os.name"));
        }
        return Files.isReadable(Path.of("/proc/self/fd"))
                ? Optional.empty()
                : Optional.of("tableflip needs /proc, which is not mounted here");
    }

    /** @param whyNoUpgrades {@code null} where they are possible */
    private Upgrader build(@Nullable String whyNoUpgrades) throws IOException {
        Set<String> both = new HashSet<>(upgradeOn);
        both.retainAll(stopOn);
        if (!both.isEmpty()) {
            throw new IllegalArgumentException("one signal cannot both upgrade and stop: " + both);
        }
        if (idleBoot.compareTo(upgradeTimeout) >= 0) {
            throw new IllegalArgumentException(
                    "idle boot: " + idleBoot + " is not within the upgrade timeout, " + upgradeTimeout);
        }
        if (!BUILT.compareAndSet(false, true)) {
            throw new IllegalStateException("this process has an upgrader already, and there can be only one");
        }
        // handlers first: in a child, reading the names may take a moment in which a SIGHUP would kill it
        CompletableFuture<Lifecycle> built = new CompletableFuture<>();
        List<Runnable> handlers = new ArrayList<>();
        try {
            for (String name : upgradeOn) {
                handlers.add(Signals.handle(name, () -> built.thenAccept(Lifecycle::upgradeBySignal)));
            }
            for (String name : stopOn) {
                handlers.add(Signals.handle(name, () -> built.thenAccept(life -> life.stopBySignal(name))));
            }
            built.complete(Lifecycle.create(settings(), whyNoUpgrades));
            return built.join();
        } finally {
            if (!built.isDone()) {
                handlers.forEach(Runnable::run);
                BUILT.set(false);
            }
        }
    }

    private Settings settings() {
        return new Settings(
                pidFile == null ? null : pidFile.toAbsolutePath(),
                upgradeTimeout,
                readyAfter,
                drainTimeout,
                exitDeadline,
                haltAtExitDeadline,
                List.copyOf(upgradeOn),
                childCommand,
                memoryCheck,
                idleBoot,
                listener,
                clock,
                checkpoints);
    }

    private static Duration positive(String what, Duration time) {
        if (time.isNegative() || time.isZero()) {
            throw new IllegalArgumentException(what + ": " + time + " is not more than zero");
        }
        return capped(time);
    }

    /** "For ever" is written in many ways, of which some overflow when anything is added. */
    private static Duration capped(Duration time) {
        return time.compareTo(FOR_EVER) > 0 ? FOR_EVER : time;
    }
}
