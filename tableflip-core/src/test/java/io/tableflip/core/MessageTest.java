package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
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
    void arbitraryChunksGiveTheSameMessages() {
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
    void aPayloadMayHoldTheReadyByte() {
        Message star = new Message(Message.FAILED, "***");
        assertEquals(List.of(star), new Message.Decoder().decode(star.encode(), 6));
    }

    @Test
    void aLongTextIsCutToWhatAPipeTakesAtOnce() {
        byte[] encoded = new Message(Message.FAILED, "x" + "ü".repeat(100_000)).encode();
        assertTrue(encoded.length <= PIPE_BUF, encoded.length + " bytes");
        List<Message> decoded = new Message.Decoder().decode(encoded, encoded.length);
        assertEquals(1, decoded.size());
        assertTrue(decoded.get(0).text().matches("xü+"), "cut between two characters");
        assertTrue(encoded.length > PIPE_BUF - 8, "no shorter than need be");
    }

    private static byte[] encodeAll(List<Message> messages) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        messages.forEach(message -> all.writeBytes(message.encode()));
        return all.toByteArray();
    }
}
