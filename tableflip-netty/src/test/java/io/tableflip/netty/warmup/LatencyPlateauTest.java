package io.tableflip.netty.warmup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;

class LatencyPlateauTest {
    private final LatencyPlateau settling = new LatencyPlateau();

    /** How many latencies it takes. */
    private int settlesAfter(IntToLongFunction latency) {
        for (int i = 0; i < 100_000; i++) {
            if (settling.add(latency.applyAsLong(i))) {
                return i + 1;
            }
        }
        return -1;
    }

    @Test
    void whatIsSteadyHasSettledAfterFiveWindows() {
        assertEquals(1000, settlesAfter(i -> 1000));
        assertEquals(1000, settling.first());
        assertEquals(1000, settling.last());
    }

    @Test
    void aFewThatAreSlowDoNotMatter() {
        assertEquals(1000, settlesAfter(i -> i % 10 == 0 ? 1_000_000 : 1000));
        assertEquals(1_000_000, settling.first());
        assertEquals(1000, settling.last());
    }

    @Test
    void whatStillFallsHasNot() {
        int after = settlesAfter(i -> Math.max(1000, 1_000_000 - i * 300L));
        assertTrue(after > 3_300, () -> "after " + after);
        assertEquals(1000, settling.last());
    }

    @Test
    void aStepStartsItAgain() {
        assertEquals(800 + 1000, settlesAfter(i -> i < 700 ? 2000 : 1000));
    }

    @Test
    void whatIsWorseThanEverHasNot() {
        assertFalse(settling.add(1));
        assertEquals(-1, settlesAfter(i -> i < 400 ? 1000 : 2000));
    }
}
