package io.tableflip.core;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What the user chose, see {@link UpgraderBuilder}, and what nobody chooses. */
record Settings(
        @Nullable Path pidFile,
        Duration upgradeTimeout,
        Duration readyAfter,
        Duration drainTimeout,
        Duration exitDeadline,
        boolean haltAtExitDeadline,
        List<String> upgradeSignals,
        UnaryOperator<ChildCommand> childCommand,
        MemoryCheck memoryCheck,
        Duration idleBoot,
        LifecycleListener listener,
        @Nullable LongSupplier clock,
        Checkpoints checkpoints) {
    /** How long the child may take from DRAINED to READY. */
    static final Duration COMMIT_TIMEOUT = Duration.ofSeconds(5);

    /** How much longer than it was told the child waits for DRAINED, before it takes its parent for stopped and commits alone. */
    static final Duration DRAINED_MARGIN = Duration.ofSeconds(5);

    /** How long after {@code readyAfter} a parent waits for participants that have not paused; less than {@link #DRAINED_MARGIN}. */
    static final Duration PAUSE_GRACE = Duration.ofSeconds(1);

    /** For what needs no time to speak of: a killed child to be reaped, a child that said why it fails to exit. */
    static final Duration MOMENT = Duration.ofSeconds(5);

    /** How often to look whether a process has ended whose link has. */
    static final Duration GONE_CHECK = Duration.ofMillis(10);

    /** How long a process that has taken over serves before it prepares its own upgrade. */
    static final Duration PREPARE_AFTER = Duration.ofSeconds(1);

    /** A duration for people: {@code 500 ms}, {@code 30 s}. */
    static String text(Duration duration) {
        return duration.toMillisPart() == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }
}
