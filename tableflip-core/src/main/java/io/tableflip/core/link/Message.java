package io.tableflip.core.link;

import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A message between parent and child: {@code type(1) length(2) payload}, but for READY, which is the bare
 * byte of level 1. A receiver skips the types it does not know, so that neighbouring versions of this library
 * understand each other.
 */
public record Message(byte type, String text) {
    /** Child to parent: it accepts connections; payload: its process id in decimal digits. */
    public static final byte TAKEOVER = 'T';
    /**
     * Child to parent, before TAKEOVER and only if there are any: the passed descriptors that it does not
     * use; payload: their positions among the passed ones, from 0, in decimal digits with blanks between. May
     * come several times.
     */
    public static final byte UNUSED = 'U';
    /**
     * Child to parent, before TAKEOVER and only if the parent has passed a channel for connections: the
     * listeners whose connections this process takes, each by one of its positions among the passed
     * descriptors; payload as of UNUSED. May come several times.
     */
    public static final byte TAKES = 'C';
    /** Child to parent: it cannot take over; payload: why, as text. */
    public static final byte FAILED = 'F';
    /** Child to parent, without length and payload: it is the service. */
    public static final byte READY = 42;
    /** Parent to child: its participants have paused, nothing reads there any more from what both have. */
    public static final byte PAUSED = 'P';
    /** Parent to child: nothing but long-lived connections is left, the child may commit. */
    public static final byte DRAINED = 'D';
    /** Parent to child: the upgrade has failed, the parent is the service. */
    public static final byte ABORT = 'A';
    /** Parent to child: the whole service is to stop. */
    public static final byte STOP = 'S';
    /**
     * Parent to child that is the service: an upgrade was requested of the parent. The child begins it when
     * the parent has exited.
     */
    public static final byte REQUEST = 'R';

    /** Type and length. */
    private static final int HEAD = 3;

    /** Up to PIPE_BUF bytes in all are written at once or not at all. */
    private static final int MAX_PAYLOAD = 4096 - HEAD;

    public Message(byte type) {
        this(type, "");
    }

    /** The numbers in the text; what is none is left out. */
    public List<Integer> numbers() {
        return Arrays.stream(text.split(" ", -1))
                .filter(number -> number.matches("\\d{1,9}"))
                .map(Integer::valueOf)
                .toList();
    }

    public byte[] encode() {
        if (type == READY) {
            return new byte[] {READY};
        }
        byte[] payload = text.getBytes(StandardCharsets.UTF_8);
        int length = payload.length;
        if (length > MAX_PAYLOAD) {
            length = MAX_PAYLOAD;
            while ((payload[length] & 0xc0) == 0x80) { // in the middle of a character
                length--;
            }
        }
        return ByteBuffer.allocate(HEAD + length)
                .put(type)
                .putShort((short) length)
                .put(payload, 0, length)
                .array();
    }

    /**
     * Puts messages together from bytes as they arrive. Their texts are {@link Printable}. Not thread-safe.
     */
    public static final class Decoder {
        /**
         * Far more than a conversation has: whoever sends without end must not keep this process busy, or
         * fill its memory.
         */
        public static final int LIMIT = 1 << 18;

        private byte[] pending = new byte[512];
        private int size;
        private long total;

        /**
         * The messages that are complete with these bytes.
         *
         * @throws IOException if more has come than any conversation has
         */
        public List<Message> decode(byte[] bytes, int count) throws IOException {
            total += count;
            if (total > LIMIT) {
                throw new IOException("more than " + LIMIT + " bytes of messages");
            }
            append(bytes, count);
            List<Message> messages = new ArrayList<>();
            int at = 0;
            for (int length = length(at); length > 0; length = length(at)) {
                messages.add(message(at, length));
                at += length;
            }
            System.arraycopy(pending, at, pending, 0, size - at);
            size -= at;
            return messages;
        }

        private void append(byte[] bytes, int count) {
            if (size + count > pending.length) {
                pending = Arrays.copyOf(pending, Math.max(size + count, 2 * pending.length));
            }
            System.arraycopy(bytes, 0, pending, size, count);
            size += count;
        }

        /** The length of the message that begins there; 0 if it is not complete. */
        private int length(int at) {
            int left = size - at;
            if (left >= 1 && pending[at] == READY) {
                return 1;
            }
            if (left < HEAD) {
                return 0;
            }
            int length = HEAD + ((pending[at + 1] & 0xff) << 8) + (pending[at + 2] & 0xff);
            return left >= length ? length : 0;
        }

        private Message message(int at, int length) {
            int head = Math.min(length, HEAD);
            String text = new String(pending, at + head, length - head, StandardCharsets.UTF_8);
            return new Message(pending[at], Printable.of(text));
        }
    }
}
