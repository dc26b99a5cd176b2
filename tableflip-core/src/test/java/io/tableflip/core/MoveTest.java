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
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
    /** What {@link State} shows as a drawing. */
    private static final Map<State, Set<State>> NEXT = Map.of(
            INITIALIZING, Set.of(TAKING_OVER, SERVING, STOPPING),
            TAKING_OVER, Set.of(SERVING, STOPPING),
            SERVING, Set.of(STARTING, STOPPING),
            STARTING, Set.of(DRAINING, LINGERING, SERVING, STOPPING),
            DRAINING, Set.of(COMMITTING, LINGERING, SERVING, STOPPING),
            COMMITTING, Set.of(LINGERING, SERVING, STOPPING),
            LINGERING, Set.of(EXITING),
            STOPPING, Set.of(EXITING),
            EXITING, Set.of());

    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource
    void theTableLeadsWhereTheDrawingDoes(State from) {
        Set<State> next = Arrays.stream(Move.values())
                .filter(move -> move.from().contains(from))
                .map(Move::to)
                .collect(Collectors.toSet());
        assertEquals(NEXT.get(from), next);
    }

    /** Nothing but a stop or a successor ends the service, and an upgrade has an end in each of its states. */
    @ParameterizedTest
    @EnumSource(names = {"STARTING", "DRAINING", "COMMITTING"})
    void everyStateOfAnUpgradeCanBeCommittedRolledBackAndStopped(State state) {
        for (Move move : EnumSet.of(Move.COMMIT, Move.ROLL_BACK, Move.STOP)) {
            assertTrue(move.from().contains(state), move + " from " + state);
        }
    }

    @Test
    void anIllegalMoveIsRejectedAndChangesNothing() throws Exception {
        try (ParentFixture parent = ParentFixture.serving(directory)) {
            assertThrows(IllegalStateException.class, () -> parent.life.make(Move.COMMIT));
            assertEquals(SERVING, parent.life.state());
            assertFalse(parent.life.exit().isDone());
        }
    }
}
