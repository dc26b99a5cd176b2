package io.tableflip.core.lifecycle;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.ResourceCheck;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What the user has chosen, see {@code Upgrader.Builder}, and what tests choose. Not thread-safe until it is
 * {@linkplain #copy copied}.
 */
public final class Settings {
    private @Nullable Path pidFile;
    private Duration upgradeTimeout = Duration.ofMinutes(1);
    private Duration maxDrainBeforeCommit = Duration.ofSeconds(5);
    private Duration drainTimeout = Duration.ofSeconds(30);
    private Duration exitDeadline = Duration.ofSeconds(10);
    private boolean haltAtExitDeadline = true;
    private final Set<String> upgradeOn = new LinkedHashSet<>();
    private final Set<String> stopOn = new LinkedHashSet<>();
    private UnaryOperator<ChildCommand> childCommand = UnaryOperator.identity();
    private ResourceCheck resourceCheck = ResourceCheck.WARN;
    private boolean supervisorCheck = true;
    private Duration idleBoot = Duration.ZERO;
    private LifecycleListener listener = new LifecycleListener() {};
    private @Nullable String withoutUpgrades;
    private LongSupplier clock = Loop.SYSTEM_CLOCK;
    private Consumer<Checkpoint> checkpoints = checkpoint -> {};

    /** The settings as they are now. */
    Settings copy() {
        Settings copy = new Settings();
        copy.pidFile = pidFile;
        copy.upgradeTimeout = upgradeTimeout;
        copy.maxDrainBeforeCommit = maxDrainBeforeCommit;
        copy.drainTimeout = drainTimeout;
        copy.exitDeadline = exitDeadline;
        copy.haltAtExitDeadline = haltAtExitDeadline;
        copy.upgradeOn.addAll(upgradeOn);
        copy.stopOn.addAll(stopOn);
        copy.childCommand = childCommand;
        copy.resourceCheck = resourceCheck;
        copy.supervisorCheck = supervisorCheck;
        copy.idleBoot = idleBoot;
        copy.listener = listener;
        copy.withoutUpgrades = withoutUpgrades;
        copy.clock = clock;
        copy.checkpoints = checkpoints;
        return copy;
    }

    /** @throws IllegalArgumentException if two settings contradict each other */
    void requireConsistent() {
        Set<String> both = new HashSet<>(upgradeOn);
        both.retainAll(stopOn);
        if (!both.isEmpty()) {
            throw new IllegalArgumentException("one signal cannot both upgrade and stop: " + both);
        }
        if (idleBoot.compareTo(upgradeTimeout) >= 0) {
            throw new IllegalArgumentException(
                    "idle boot: " + idleBoot + " is not within the upgrade timeout, " + upgradeTimeout);
        }
    }

    /** Why upgrades are not possible here; empty if they are. */
    public Optional<String> whyNoUpgrades() {
        if (withoutUpgrades != null) {
            return Optional.of(withoutUpgrades);
        }
        String system = System.getProperty("os.name", "");
        if (!system.equals("Linux")) {
            return Optional.of("tableflip needs Linux, this is " + system);
        }
        return Files.isReadable(Path.of("/proc/self/fd"))
                ? Optional.empty()
                : Optional.of("tableflip needs /proc, which is not mounted here");
    }

    @Nullable
    Path pidFile() {
        return pidFile;
    }

    public void pidFile(Path path) {
        pidFile = path;
    }

    Duration upgradeTimeout() {
        return upgradeTimeout;
    }

    public void upgradeTimeout(Duration timeout) {
        upgradeTimeout = timeout;
    }

    Duration maxDrainBeforeCommit() {
        return maxDrainBeforeCommit;
    }

    public void maxDrainBeforeCommit(Duration time) {
        maxDrainBeforeCommit = time;
    }

    Duration drainTimeout() {
        return drainTimeout;
    }

    public void drainTimeout(Duration timeout) {
        drainTimeout = timeout;
    }

    Duration exitDeadline() {
        return exitDeadline;
    }

    public void exitDeadline(Duration deadline) {
        exitDeadline = deadline;
    }

    boolean haltAtExitDeadline() {
        return haltAtExitDeadline;
    }

    public void haltAtExitDeadline(boolean halt) {
        haltAtExitDeadline = halt;
    }

    List<String> upgradeOn() {
        return new ArrayList<>(upgradeOn);
    }

    public void upgradeOn(Collection<String> signals) {
        upgradeOn.addAll(signals);
    }

    List<String> stopOn() {
        return new ArrayList<>(stopOn);
    }

    public void stopOn(Collection<String> signals) {
        stopOn.addAll(signals);
    }

    UnaryOperator<ChildCommand> childCommand() {
        return childCommand;
    }

    public void childCommand(UnaryOperator<ChildCommand> change) {
        childCommand = change;
    }

    ResourceCheck resourceCheck() {
        return resourceCheck;
    }

    public void resourceCheck(ResourceCheck check) {
        resourceCheck = check;
    }

    boolean supervisorCheck() {
        return supervisorCheck;
    }

    public void supervisorCheck(boolean check) {
        supervisorCheck = check;
    }

    Duration idleBoot() {
        return idleBoot;
    }

    public void idleBoot(Duration limit) {
        idleBoot = limit;
    }

    LifecycleListener listener() {
        return listener;
    }

    public void listener(LifecycleListener told) {
        listener = told;
    }

    public void withoutUpgrades(String reason) {
        withoutUpgrades = reason;
    }

    LongSupplier clock() {
        return clock;
    }

    /**
     * Replaces the clock of every timeout: nanoseconds that only grow. Another clock than the system's is
     * read every few milliseconds.
     */
    public void clock(LongSupplier nanoTime) {
        clock = nanoTime;
    }

    Consumer<Checkpoint> checkpoints() {
        return checkpoints;
    }

    /** Stops the process in the middle of an upgrade. */
    public void checkpoints(Consumer<Checkpoint> reached) {
        checkpoints = reached;
    }
}
