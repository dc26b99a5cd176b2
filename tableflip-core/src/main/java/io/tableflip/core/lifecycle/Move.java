package io.tableflip.core.lifecycle;

import static io.tableflip.core.lifecycle.Phase.ABORTING;
import static io.tableflip.core.lifecycle.Phase.CHILD_FAILED;
import static io.tableflip.core.lifecycle.Phase.CHILD_LEAVING;
import static io.tableflip.core.lifecycle.Phase.COMMITTING;
import static io.tableflip.core.lifecycle.Phase.DRAINING;
import static io.tableflip.core.lifecycle.Phase.ENDING_CHILD;
import static io.tableflip.core.lifecycle.Phase.EXITING;
import static io.tableflip.core.lifecycle.Phase.GIVING_UP;
import static io.tableflip.core.lifecycle.Phase.INITIALIZING;
import static io.tableflip.core.lifecycle.Phase.LINGERING;
import static io.tableflip.core.lifecycle.Phase.OPENING;
import static io.tableflip.core.lifecycle.Phase.ORPHANED;
import static io.tableflip.core.lifecycle.Phase.PAUSE_OVERDUE;
import static io.tableflip.core.lifecycle.Phase.PAUSING;
import static io.tableflip.core.lifecycle.Phase.SERVING;
import static io.tableflip.core.lifecycle.Phase.SPAWNING;
import static io.tableflip.core.lifecycle.Phase.STARTING;
import static io.tableflip.core.lifecycle.Phase.STOPPING;
import static io.tableflip.core.lifecycle.Phase.STOPPING_CHILD;
import static io.tableflip.core.lifecycle.Phase.TAKING_BACK;
import static io.tableflip.core.lifecycle.Phase.TAKING_OVER;
import static io.tableflip.core.lifecycle.Phase.WARMING_UP;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * The table of moves: what may happen to a process, in which phases, and the phase that follows. Everything
 * else is illegal. The tests generate a model of the handover from this table, and check the model.
 */
enum Move {
    // ---- becoming the service

    /** {@code ready()} was called with a warm-up in a child whose parent is alive. */
    WARM_UP(WARMING_UP, INITIALIZING),
    /** {@code ready()} was called, and the warm-up is over. */
    OPEN(OPENING, INITIALIZING, WARMING_UP),
    /** This process accepts. The link to its parent has ended before. */
    AWAIT_PARENT(ORPHANED, OPENING),
    /** This process accepts, and asks its parent to leave. */
    TAKE_OVER(TAKING_OVER, OPENING),
    /**
     * This process becomes the service. From OPENING if nobody has to be asked: a first generation, a parent
     * of level 1, a parent that has exited. A child that has asked commits when its parent allows it, has
     * exited, or has said nothing for too long.
     */
    SERVE(SERVING, OPENING, ORPHANED, TAKING_OVER),
    /**
     * A child leaves: its parent has given it up, it cannot become ready, or it was stopped before. From
     * SERVING if the parent gave it up just before it read READY, which then does not count.
     */
    GIVE_UP(GIVING_UP, INITIALIZING, WARMING_UP, OPENING, ORPHANED, TAKING_OVER, SERVING),

    // ---- handing the service over

    /** An upgrade begins. */
    UPGRADE(SPAWNING, SERVING),
    /** The child is a process. */
    SPAWN(STARTING, SPAWNING),
    /** The child accepts, and asks this process to leave. */
    PAUSE(PAUSING, STARTING),
    /** All participants have paused, and the child was told. */
    DRAIN(DRAINING, PAUSING),
    /** The maximum drain before the commit is over, and not all participants have paused. */
    OVERDUE(PAUSE_OVERDUE, PAUSING),
    /** Drained, or for long enough: the child is told that it may commit. */
    ALLOW(COMMITTING, DRAINING, PAUSE_OVERDUE),
    /**
     * READY was read. Not only when the child was allowed: a child of level 1 says nothing but READY, and one
     * whose parent was stopped for too long does not wait.
     */
    COMMIT(LINGERING, STARTING, PAUSING, PAUSE_OVERDUE, DRAINING, COMMITTING),

    // ---- an upgrade that fails

    /** The child reports a failure, or goes silent, before the takeover. */
    LOSE_CHILD(CHILD_FAILED, STARTING),
    /**
     * The same after the takeover: this process serves again. From STARTING if the takeover could not be
     * answered.
     */
    SERVE_AGAIN(CHILD_LEAVING, STARTING, PAUSING, PAUSE_OVERDUE, DRAINING, COMMITTING),
    /** The upgrade has failed before the takeover. */
    ABORT(ABORTING, SPAWNING, STARTING, CHILD_FAILED),
    /** The upgrade has failed after the takeover. */
    TAKE_BACK(TAKING_BACK, PAUSING, PAUSE_OVERDUE, DRAINING, COMMITTING),
    /** The child does not end by itself. */
    END_CHILD(ENDING_CHILD, CHILD_LEAVING),
    /** The failed child has ended: this process is the service, and can be upgraded again. */
    ROLL_BACK(SERVING, ABORTING, TAKING_BACK, ENDING_CHILD),

    // ---- leaving

    /** The service was stopped before the takeover: the child has to end first. */
    STOP_CHILD(STOPPING_CHILD, SPAWNING, STARTING, CHILD_FAILED, ABORTING),
    /** The service was stopped. Not once a child is the service: this process is leaving then. */
    STOP(
            STOPPING,
            SERVING,
            STOPPING_CHILD,
            PAUSING,
            PAUSE_OVERDUE,
            DRAINING,
            COMMITTING,
            TAKING_BACK,
            CHILD_LEAVING,
            ENDING_CHILD),
    /** Drained: nothing is left to do. */
    LEAVE(EXITING, LINGERING, STOPPING, GIVING_UP);

    private final Phase to;

    @SuppressWarnings("ImmutableEnumChecker") // unmodifiable, and nobody else has it
    private final Set<Phase> from;

    Move(Phase to, Phase first, Phase... others) {
        this.to = to;
        this.from = Collections.unmodifiableSet(EnumSet.of(first, others));
    }

    /** The phases in which it is legal. */
    Set<Phase> from() {
        return from;
    }

    /** The phase after it. */
    Phase to() {
        return to;
    }
}
