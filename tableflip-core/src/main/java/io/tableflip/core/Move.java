package io.tableflip.core;

import static io.tableflip.core.State.COMMITTING;
import static io.tableflip.core.State.DRAINING;
import static io.tableflip.core.State.EXITING;
import static io.tableflip.core.State.INITIALIZING;
import static io.tableflip.core.State.LINGERING;
import static io.tableflip.core.State.SERVING;
import static io.tableflip.core.State.STARTING;
import static io.tableflip.core.State.STOPPING;
import static io.tableflip.core.State.TAKING_OVER;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * The table of moves: what may happen to a process, in which states, and the state that follows. Everything else is illegal. The model of
 * the handover that the tests check is made from this table.
 */
enum Move {
    /** A child is ready and asks its parent to leave. It accepts from now on. */
    TAKE_OVER(TAKING_OVER, INITIALIZING),
    /**
     * This process becomes the service. Straight from INITIALIZING if nobody has to be asked: a first generation, a parent that
     * speaks level 1, one that has gone. A child that has asked commits when its parent allows it, has gone, or is silent for too long.
     */
    SERVE(SERVING, INITIALIZING, TAKING_OVER),
    /** An upgrade begins. */
    SPAWN(STARTING, SERVING),
    /** The child asks this process to leave. It accepts no more. */
    DRAIN(DRAINING, STARTING),
    /** Drained, or long enough: the child is told that it may commit. */
    ALLOW(COMMITTING, DRAINING),
    /**
     * READY was read. Not only when the child was allowed: a peer of level 1 says nothing but READY, and one whose parent was stopped for
     * too long does not wait.
     */
    COMMIT(LINGERING, STARTING, DRAINING, COMMITTING),
    /** The upgrade has failed: this process accepts (again) and is the service. */
    ROLL_BACK(SERVING, STARTING, DRAINING, COMMITTING),
    /** Told to stop. Not once a child is the service, since this process is leaving then. */
    STOP(STOPPING, INITIALIZING, TAKING_OVER, SERVING, STARTING, DRAINING, COMMITTING),
    /**
     * A child ends: its parent has given it up, or it cannot get ready. From SERVING if the parent gave it up just before its READY
     * came, which then does not count.
     */
    GIVE_UP(STOPPING, INITIALIZING, TAKING_OVER, SERVING),
    /** Drained: nothing is left to do. */
    LEAVE(EXITING, LINGERING, STOPPING);

    private final State to;

    @SuppressWarnings("ImmutableEnumChecker") // unmodifiable, and nobody else has it
    private final Set<State> from;

    Move(State to, State first, State... others) {
        this.to = to;
        this.from = Collections.unmodifiableSet(EnumSet.of(first, others));
    }

    /** The states in which it is legal. */
    Set<State> from() {
        return from;
    }

    /** The state after it. */
    State to() {
        return to;
    }
}
