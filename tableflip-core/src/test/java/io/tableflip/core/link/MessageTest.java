package io.tableflip.core.link;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MessageTest {
    /** POSIX promises that a write of up to that many bytes to a pipe is not torn; Linux keeps to it. */
    private static final int PIPE_BUF = 4096;

    private static final List<Message> CONVERSATION = List.of(
            new Message(Message.TAKEOVER, "4711"),
            new Message((byte) 'x', "of a later version"),
            new Message(Message.FAILED, "bind 0.0.0.0:9090: Address already in use – ü"),
            new Message(Message.READY),
            new Message((byte) 0xff),
            new Message(Message.DRAINED),
            new Message(Message.READY),
            new Message(Message.ABORT));

    @Test
    void readyIsTheByteOfLevel1() {
        assertArrayEquals(new byte[] {42}, new Message(Message.READY).encode());
    }

    @Test
    void othersHaveTypeLengthAndPayload() {
        assertArrayEquals(new byte[] {'T', 0, 2, '4', '7'}, new Message(Message.TAKEOVER, "47").encode());
        assertArrayEquals(new byte[] {'D', 0, 0}, new Message(Message.DRAINED).encode());
    }

    @Test
    void arbitraryChunksGiveTheSameMessages() throws IOException {
        byte[] all = encodeAll(CONVERSATION);
        Random random = new Random(7);
        for (int round = 0; round < 2000; round++) {
            Message.Decoder decoder = new Message.Decoder();
            List<Message> decoded = new ArrayList<>();
            for (int from = 0; from < all.length; ) {
                int count = Math.min(all.length - from, random.nextInt(12));
                byte[] chunk = new byte[512];
                System.arraycopy(all, from, chunk, 0, count);
                decoded.addAll(decoder.decode(chunk, count));
                from += count;
            }
            assertEquals(CONVERSATION, decoded);
        }
    }

    @Test
    void aPayloadMayHoldTheReadyByte() throws IOException {
        Message star = new Message(Message.FAILED, "***");
        assertEquals(List.of(star), new Message.Decoder().decode(star.encode(), 6));
    }

    @Test
    void aLongTextIsCutToWhatAPipeTakesAtOnce() throws IOException {
        byte[] encoded = new Message(Message.FAILED, "x" + "ü".repeat(100_000)).encode();
        assertTrue(encoded.length <= PIPE_BUF, encoded.length + " bytes");
        List<Message> decoded = new Message.Decoder().decode(encoded, encoded.length);
        assertEquals(1, decoded.size());
        assertTrue(decoded.get(0).text().matches("xü+"), "cut between two characters");
        assertTrue(encoded.length > PIPE_BUF - 8, "no shorter than need be");
    }

    @Test
    void numbersAreReadAndTheRestIsIgnored() {
        assertEquals(List.of(0, 17, 5), new Message(Message.UNUSED, "0 17 x -1  99999999999 5").numbers());
        assertEquals(List.of(), new Message(Message.UNUSED).numbers());
    }

    @Test
    void textIsMadePrintable() throws IOException {
        byte[] forged = new Message(Message.FAILED, "bind\nJan 1 WARNING: all is well\u001b[2J\u202e").encode();
        assertEquals(
                List.of(new Message(Message.FAILED, "bind\\nJan 1 WARNING: all is well\\u001b[2J\\u202e")),
                new Message.Decoder().decode(forged, forged.length));
    }

    @Test
    void whoSendsWithoutEndIsRefused() throws IOException {
        for (byte[] chunk :
                List.of(new byte[512], encodeAll(CONVERSATION), "*".repeat(512).getBytes(US_ASCII))) {
            Message.Decoder decoder = new Message.Decoder();
            for (int sent = chunk.length; sent <= Message.Decoder.LIMIT; sent += chunk.length) {
                decoder.decode(chunk, chunk.length);
            }
            assertThrows(IOException.class, () -> decoder.decode(chunk, chunk.length));
            assertThrows(IOException.class, () -> decoder.decode(chunk, chunk.length), "once and for all");
        }
    }

    private static byte[] encodeAll(List<Message> messages) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        messages.forEach(message -> all.writeBytes(message.encode()));
        return all.toByteArray();
    }
}
