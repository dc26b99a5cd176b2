package io.tableflip.core.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PrintableTest {
    @Test
    void ordinaryTextStaysAsItIs() {
        String text = "bind 0.0.0.0:9090: Address already in use – ü 漢 \ud83d\ude00 C:\\temp {0}";
        assertEquals(text, Printable.of(text));
    }

    @Test
    void whatForgesLinesOrMovesTheCursorIsEscaped() {
        assertEquals("a\\nb\\r\\tc\\u0000\\u001b[31m\\u007f\\u0085", Printable.of("a\nb\r\tc\0\u001b[31m\u007f\u0085"));
        assertEquals("\\u2028\\u2029\\u202e\\u2066", Printable.of("\u2028\u2029\u202e\u2066"));
        assertEquals("/run/\\udcff.sock", Printable.of("/run/\udcff.sock"));
    }

    @Test
    void itsLengthIsBounded() {
        String printable = Printable.of("\u0001".repeat(100_000));
        assertTrue(printable.length() < 5000, () -> printable.length() + " characters");
        assertTrue(printable.endsWith("\\u0001..."), printable);
    }
}
