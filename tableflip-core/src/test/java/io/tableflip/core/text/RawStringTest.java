package io.tableflip.core.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RawStringTest {
    @Test
    void utf8IsItself() {
        String text = "naïve – 漢字 😀\n\t\0";
        assertEquals(text, RawString.decode(text.getBytes(StandardCharsets.UTF_8)));
        assertArrayEquals(text.getBytes(StandardCharsets.UTF_8), RawString.encode(text));
    }

    @Test
    void everyByteAloneSurvives() {
        for (int b = 0; b < 256; b++) {
            byte[] bytes = {(byte) b};
            assertArrayEquals(bytes, RawString.encode(RawString.decode(bytes)), "byte " + b);
        }
    }

    @Test
    void aStrayByteAppearsAsASingleSurrogate() {
        assertEquals("caf\uDCE9!", RawString.decode(new byte[] {'c', 'a', 'f', (byte) 0xe9, '!'}));
    }

    @Test
    void encodedSurrogatesOverlongAndCutSequencesSurvive() {
        byte[][] samples = {
            {(byte) 0xed, (byte) 0xa0, (byte) 0x80}, // a surrogate in UTF-8
            {(byte) 0xed, (byte) 0xb2, (byte) 0x80}, // one that looks like an escape
            {(byte) 0xc0, (byte) 0x80}, // overlong
            {(byte) 0xf0, (byte) 0x9f, (byte) 0x98}, // cut
            {(byte) 0xf0, (byte) 0x9f, (byte) 0x98, (byte) 0x80, (byte) 0x80}, // a pair, then a stray byte
            {(byte) 0xff, (byte) 0xfe},
        };
        for (byte[] sample : samples) {
            assertArrayEquals(sample, RawString.encode(RawString.decode(sample)));
        }
    }

    @Test
    void randomBytesSurvive() {
        Random random = new Random(42);
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = new byte[random.nextInt(24)];
            random.nextBytes(bytes);
            assertArrayEquals(bytes, RawString.encode(RawString.decode(bytes)));
        }
    }

    @Test
    void aBlockKeepsEmptyStrings() {
        assertEquals(
                List.of("a", "", "b c", ""), RawString.decodeBlock("a\0\0b c\0\0".getBytes(StandardCharsets.UTF_8)));
        assertEquals(List.of("a", "cut"), RawString.decodeBlock("a\0cut".getBytes(StandardCharsets.UTF_8)));
        assertEquals(List.of(), RawString.decodeBlock(new byte[0]));
    }
}
