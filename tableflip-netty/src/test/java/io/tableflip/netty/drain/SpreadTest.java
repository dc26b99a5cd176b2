package io.tableflip.netty.drain;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SpreadTest {
    @Test
    void eachHasAPartOfItsOwnAndARandomTimeInIt() {
        assertArrayEquals(new long[] {0, 250, 500, 750}, Spread.offsets(4, 1000, () -> 0));
        assertArrayEquals(new long[] {125, 375, 625, 875}, Spread.offsets(4, 1000, () -> 0.5));
        long[] offsets = Spread.offsets(100_000, 1_000_000_000, new Random(1)::nextDouble);
        for (int i = 0; i < offsets.length; i++) {
            assertTrue(offsets[i] >= i * 10_000L && offsets[i] < (i + 1) * 10_000L, i + ": " + offsets[i]);
        }
    }

    @Test
    void nothingToDoAndNoTimeToDoItIn() {
        assertEquals(0, Spread.offsets(0, 1000, () -> 0).length);
        assertArrayEquals(new long[] {0, 0}, Spread.offsets(2, 0, () -> 0.9));
    }

    @Test
    void aWindowIsAtMostHalfTheTimeout() {
        Spread spread = new Spread(System.nanoTime(), Duration.ofSeconds(30));
        assertEquals(Duration.ofSeconds(15), spread.limited(Duration.ofSeconds(16)));
        assertEquals(Duration.ofSeconds(14), spread.limited(Duration.ofSeconds(14)));
    }
}
