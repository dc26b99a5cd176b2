package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.State;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MoveTest {
    /** The drawing in {@link State}. */
    private static final Map<State, Set<State>> NEXT = Map.of(
            State.INITIALIZING, Set.of(State.TAKING_OVER, State.SERVING, State.STOPPING),
            State.TAKING_OVER, Set.of(State.SERVING, State.STOPPING),
            State.SERVING, Set.of(State.STARTING, State.STOPPING),
            State.STARTING, Set.of(State.DRAINING, State.LINGERING, State.SERVING, State.STOPPING),
            State.DRAINING, Set.of(State.COMMITTING, State.LINGERING, State.SERVING, State.STOPPING),
            State.COMMITTING, Set.of(State.LINGERING, State.SERVING, State.DRAINING, State.STOPPING),
            State.LINGERING, Set.of(State.EXITING),
            State.STOPPING, Set.of(State.EXITING),
            State.EXITING, Set.of());

    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource
    void theTableLeadsWhereTheDrawingDoes(State from) {
        Set<State> next = Arrays.stream(Move.values())
                .filter(move -> move.from().stream().anyMatch(phase -> phase.state() == from))
                .map(move -> move.to().state())
                .filter(state -> state != from)
                .collect(Collectors.toSet());
        assertEquals(NEXT.get(from), next);
    }

    @ParameterizedTest
    @EnumSource
    void everyPhaseIsReachedAndHasAnEnd(Phase phase) {
        assertTrue(
                phase == Phase.INITIALIZING || Arrays.stream(Move.values()).anyMatch(move -> move.to() == phase),
                "reached");
        assertTrue(
                phase == Phase.EXITING
                        || Arrays.stream(Move.values())
                                .anyMatch(move -> move.from().contains(phase)),
                "left");
    }

    /**
     * While the child counts, an upgrade can fail and the service can be stopped; once it is a process, it
     * can commit unless it has failed.
     */
    @ParameterizedTest
    @EnumSource
    void everyPhaseOfAnUpgradeCanFailAndBeStopped(Phase phase) {
        if (phase.listensToChild()) {
            assertTrue(isLegalIn(phase, EnumSet.of(Move.ABORT, Move.TAKE_BACK, Move.END_CHILD)));
        }
        if (phase.isEndingChild()) {
            assertTrue(isLegalIn(phase, EnumSet.of(Move.ROLL_BACK)));
        }
        if (phase.isUpgrading()) {
            assertTrue(isLegalIn(phase, EnumSet.of(Move.STOP, Move.STOP_CHILD)));
        }
        if (phase.hasHandedOver()) {
            assertTrue(isLegalIn(phase, EnumSet.of(Move.COMMIT)));
            assertTrue(isLegalIn(phase, EnumSet.of(Move.SERVE_AGAIN)));
        }
    }

    private static boolean isLegalIn(Phase phase, Set<Move> moves) {
        return moves.stream().anyMatch(move -> move.from().contains(phase));
    }

    @Test
    void anIllegalMoveIsRejectedAndChangesNothing() throws Exception {
        try (ParentFixture parent = ParentFixture.serving(directory)) {
            StateMachine state = parent.life.context().state();
            assertThrows(IllegalStateException.class, () -> state.make(Move.COMMIT));
            assertEquals(Phase.SERVING, state.phase());
            assertFalse(parent.life.exit().isDone());
        }
    }
}
