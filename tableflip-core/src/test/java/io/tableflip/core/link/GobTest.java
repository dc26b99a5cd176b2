package io.tableflip.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GobTest {
    private static final String TYPES = "0dff83020102ff840001ff8200000cff81020102ff8200010c0000";

    /** What Go 1.19 writes, byte for byte. */
    static Stream<Arguments> writtenByGo() {
        return Stream.of(
                Arguments.of(
                        List.of(List.of("listener", "tcp", "127.0.0.1:80")),
                        "1fff84000103086c697374656e6572037463700c3132372e302e302e313a3830"),
                Arguments.of(List.of(), "04ff840000"),
                Arguments.of(
                        List.of(List.of("fd", "log", ""), List.of("listener", "unix", "/run/\uDCFF\n.sock")),
                        "29ff84000203026664036c6f670003086c697374656e657204756e69780c2f72756e2fff0a2e736f636b"),
                Arguments.of(
                        List.of(List.of("listener", "unix", "a".repeat(200))),
                        "ffddff84000103086c697374656e657204756e6978ffc8" + "61".repeat(200)),
                Arguments.of(
                        List.of(List.of("listener", "unix", "a".repeat(300))),
                        "fe0142ff84000103086c697374656e657204756e6978fe012c" + "61".repeat(300)),
                Arguments.of(List.of(List.of(), List.of("")), "07ff840002000100"));
    }

    @ParameterizedTest
    @MethodSource("writtenByGo")
    void writesWhatGoWrites(List<List<String>> value, String hex) {
        assertEquals(TYPES + hex, HexFormat.of().formatHex(Gob.encode(value)));
    }

    @ParameterizedTest
    @MethodSource("writtenByGo")
    void readsWhatGoWrites(List<List<String>> value, String hex) throws IOException {
        assertEquals(value, decode(TYPES + hex));
    }

    @Test
    void readsOtherTypeNumbers() throws IOException {
        // by a Go program that had used other types before
        assertEquals(
                List.of(List.of("listener", "tcp", "127.0.0.1:80")),
                decode("0dff89020102ff8a0001ff8800000cff87020102ff8800010c0000"
                        + "1fff8a000103086c697374656e6572037463700c3132372e302e302e313a3830"));
    }

    @Test
    void readsNotAByteBeyondTheValue() throws IOException {
        byte[] value = Gob.encode(List.of(List.of("fd", "log", "")));
        byte[] more = "behind".getBytes(StandardCharsets.UTF_8);
        InputStream in = new ByteArrayInputStream(concat(value, more));
        Gob.decode(in);
        assertEquals("behind", new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }

    @Test
    void readsFromAStreamThatGivesSingleBytes() throws IOException {
        List<List<String>> value = List.of(List.of("listener", "tcp", "x".repeat(1000)));
        InputStream trickle = new ByteArrayInputStream(Gob.encode(value)) {
            @Override
            public synchronized int read(byte[] buffer, int offset, int length) {
                return super.read(buffer, offset, Math.min(length, 1));
            }
        };
        assertEquals(value, Gob.decode(trickle));
    }

    @Test
    void manyLongNamesRoundTrip() throws IOException {
        List<List<String>> value = IntStream.range(0, 3000)
                .mapToObj(i -> List.of("listener", "unix", i + "x".repeat(i % 300)))
                .collect(Collectors.toList());
        assertEquals(value, Gob.decode(new ByteArrayInputStream(Gob.encode(value))));
    }

    @Test
    void everyTruncationIsAnEndOfFile() {
        byte[] whole = Gob.encode(List.of(List.of("listener", "tcp", "127.0.0.1:80")));
        for (int length = 0; length < whole.length; length++) {
            InputStream in = new ByteArrayInputStream(whole, 0, length);
            assertThrows(EOFException.class, () -> Gob.decode(in), "length " + length);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "00", // an empty message
                "04ff840001", // promises a list and ends
                "05ff84000101", // a list of one string and ends
                "06ff8400010105", // a string of five bytes and ends
                "05ff84000000", // a byte too many
                "04ff840100", // not a top-level value that is no struct
                "04ff8400ff", // a count that is cut
                "09ff8400f80000000000000000", // a count of eight bytes
                "fc7fffffff00", // a message of two gigabytes
                "f8ffffffffffffffff", // a negative length
                "f78000000000000000", // a number of nine bytes
                "08ff8400fc7fffffff", // a list of two thousand million
            })
    void refusesNonsense(String hex) {
        assertThrows(IOException.class, () -> decode(TYPES + hex));
    }

    @Test
    void definitionsOfTypesWithoutEndAreRefused() throws IOException {
        InputStream endless = new InputStream() {
            @Override
            public int read() {
                return 1; // a message of one byte, which is a negative type
            }
        };
        assertThrows(IOException.class, () -> Gob.decode(endless));
        assertEquals(List.of(), decode("0101".repeat(64) + "04ff840000"));
        assertThrows(IOException.class, () -> decode("0101".repeat(65) + "04ff840000"));
    }

    @Test
    void theLimitIsForAllMessagesTogether() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] half = new byte[Gob.LIMIT / 2 + 1];
        half[0] = 1;
        for (int i = 0; i < 2; i++) {
            out.writeBytes(HexFormat.of().parseHex("fd200001"));
            out.writeBytes(half);
        }
        IOException refused =
                assertThrows(IOException.class, () -> Gob.decode(new ByteArrayInputStream(out.toByteArray())));
        assertEquals("length of a message: 2097153 is too much", refused.getMessage());
    }

    @Test
    void moreNamesThanAnyTableHasAreRefusedBeforeTheyAreMade() throws IOException {
        List<List<String>> most = Collections.nCopies(Gob.MAX_NAMES, List.of("", "", ""));
        assertEquals(most, Gob.decode(new ByteArrayInputStream(Gob.encode(most))));
        byte[] more = Gob.encode(Collections.nCopies(Gob.MAX_NAMES + 1, List.of()));
        assertThrows(IOException.class, () -> Gob.decode(new ByteArrayInputStream(more)));
        byte[] parts = Gob.encode(List.of(Collections.nCopies(Gob.MAX_PARTS + 1, "")));
        assertThrows(IOException.class, () -> Gob.decode(new ByteArrayInputStream(parts)));
    }

    private static List<List<String>> decode(String hex) throws IOException {
        return Gob.decode(new ByteArrayInputStream(HexFormat.of().parseHex(hex)));
    }

    private static byte[] concat(byte[] first, byte[] second) {
        return HexFormat.of()
                .parseHex(HexFormat.of().formatHex(first) + HexFormat.of().formatHex(second));
    }
}
