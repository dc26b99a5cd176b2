package io.tableflip.core.lifecycle;

import io.tableflip.core.State;

/**
 * Where a process stands in its life, in more detail than the {@link State} that users see. The
 * {@link StateMachine} has the current one; {@link Move} is the table of what may follow.
 */
enum Phase {
    /** {@code ready()} has not been called. */
    INITIALIZING(State.INITIALIZING),
    /** Child: {@code ready()} was called with a warm-up, which runs. */
    WARMING_UP(State.INITIALIZING),
    /** {@code ready()} was called: participants acquire what they need and are resumed. */
    OPENING(State.INITIALIZING),
    /**
     * Child: accepts, and waits to see whether its parent has exited or has given this child up; the link
     * between them has ended.
     */
    ORPHANED(State.INITIALIZING),
    /** Child: accepts, and has asked its parent to leave. */
    TAKING_OVER(State.TAKING_OVER),

    /** This process is the service, and no upgrade is in progress. */
    SERVING(State.SERVING),

    /** Parent: the descriptors are being duplicated and the command is being made. There is no child yet. */
    SPAWNING(State.STARTING),
    /** Parent: the child initialises. */
    STARTING(State.STARTING),
    /**
     * Parent: the child reported a failure or went silent before it accepted anything. Its end is awaited.
     */
    CHILD_FAILED(State.STARTING),
    /** Parent: the upgrade has failed before the takeover. The child, if there is one, is being killed. */
    ABORTING(State.STARTING),
    /** Parent: the service was stopped before the takeover. The child is being killed first. */
    STOPPING_CHILD(State.STARTING),

    /** Parent: the child accepts. Participants are being paused. */
    PAUSING(State.DRAINING),
    /** Parent: the maximum drain before the commit is over, and not all participants have paused. */
    PAUSE_OVERDUE(State.DRAINING),
    /** Parent: all participants have paused, the child knows it, and this process drains. */
    DRAINING(State.DRAINING),
    /**
     * Parent: the upgrade has failed after the takeover. This process accepts again when the child has been
     * killed.
     */
    TAKING_BACK(State.DRAINING),
    /** Parent: the child was told that it may commit. */
    COMMITTING(State.COMMITTING),

    /**
     * Parent: the child failed after the takeover. This process serves again while the child finishes what it
     * has accepted.
     */
    CHILD_LEAVING(State.SERVING),
    /** Parent: the same, but the child has taken too long and is being killed. */
    ENDING_CHILD(State.SERVING),

    /** The child is the service. This process finishes its connections. */
    LINGERING(State.LINGERING),
    /** The service was stopped. This process finishes its connections. */
    STOPPING(State.STOPPING),
    /** This process leaves without ever having been the service, or without having stayed it. */
    GIVING_UP(State.STOPPING),
    /** Nothing is left to do. */
    EXITING(State.EXITING);

    private final State state;

    Phase(State state) {
        this.state = state;
    }

    /** What users see of it. */
    State state() {
        return state;
    }

    /** This process is not the service yet, and can become it. */
    boolean isUnready() {
        return switch (this) {
            case INITIALIZING, WARMING_UP, OPENING, ORPHANED, TAKING_OVER -> true;
            default -> false;
        };
    }

    /** This process is not the service any more, and never will be again. */
    boolean isLeaving() {
        return switch (this) {
            case STOPPING_CHILD, LINGERING, STOPPING, GIVING_UP, EXITING -> true;
            default -> false;
        };
    }

    /** Messages of the child, its end and the timers of the upgrade count. */
    boolean listensToChild() {
        return switch (this) {
            case SPAWNING, STARTING, CHILD_FAILED, PAUSING, PAUSE_OVERDUE, DRAINING, COMMITTING, CHILD_LEAVING -> true;
            default -> false;
        };
    }

    /** An upgrade is in progress. */
    boolean isUpgrading() {
        return listensToChild() || this == ABORTING || this == TAKING_BACK || this == ENDING_CHILD;
    }

    /** The child has accepted connections, so its end can cost some; this process does not accept. */
    boolean hasHandedOver() {
        return switch (this) {
            case PAUSING, PAUSE_OVERDUE, DRAINING, COMMITTING -> true;
            default -> false;
        };
    }

    /** The child is being killed because the upgrade has failed. */
    boolean isEndingChild() {
        return this == ABORTING || this == TAKING_BACK || this == ENDING_CHILD;
    }
}
