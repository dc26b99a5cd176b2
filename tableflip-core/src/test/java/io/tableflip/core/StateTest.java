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

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StateTest {
    private static final Map<State, Set<State>> TABLE = Map.of(
            INITIALIZING, Set.of(TAKING_OVER, SERVING, STOPPING),
            TAKING_OVER, Set.of(SERVING, STOPPING),
            SERVING, Set.of(STARTING, STOPPING),
            STARTING, Set.of(DRAINING, LINGERING, SERVING, STOPPING),
            DRAINING, Set.of(COMMITTING, LINGERING, SERVING, STOPPING),
            COMMITTING, Set.of(LINGERING, SERVING, STOPPING),
            LINGERING, Set.of(EXITING),
            STOPPING, Set.of(EXITING),
            EXITING, Set.of());

    @ParameterizedTest
    @EnumSource
    void onlyTheMovesOfTheTableAreAllowed(State from) {
        Set<State> allowed =
                Arrays.stream(State.values()).filter(from::canMoveTo).collect(Collectors.toSet());
        assertEquals(TABLE.get(from), allowed);
    }
}
