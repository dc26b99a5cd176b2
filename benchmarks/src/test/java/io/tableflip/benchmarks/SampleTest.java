package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SampleTest {
    @Test
    void medianIsInTheMiddle() {
        assertEquals(2, Sample.of(3, 1, 2).median());
        assertEquals(2.5, Sample.of(4, 1, 2, 3).median());
        assertEquals(7, Sample.of(List.of(7)).median());
    }

    @Test
    void quantilesAreValuesThatWereSeen() {
        Sample hundred = Sample.of(IntStream.rangeClosed(1, 100).boxed().toList());
        assertEquals(99, hundred.quantile(0.99));
        assertEquals(100, hundred.quantile(0.999));
        assertEquals(100, hundred.quantile(1));
        assertEquals(1, hundred.quantile(0));
    }

    @Test
    void confidenceIsAroundTheMedianAndRepeatable() {
        Sample sample = Sample.of(0.97, 0.98, 0.99, 1.0, 1.0, 1.01, 1.02, 1.03, 1.2);
        Sample.Interval interval = sample.confidence();
        assertTrue(interval.low() >= 0.97 && interval.low() <= 1, interval::toString);
        assertTrue(interval.high() >= 1 && interval.high() <= 1.03, interval::toString);
        assertEquals(interval, sample.confidence());
        assertEquals(new Sample.Interval(5, 5), Sample.of(5, 5, 5).confidence());
    }

    @Test
    void textHasTheSpread() {
        assertEquals("2.0 (1.0 to 3.0)", Sample.of(3, 1, 2).text(1));
    }

    @Test
    void nothingIsNoSample() {
        assertThrows(IllegalArgumentException.class, Sample::of);
    }
}
