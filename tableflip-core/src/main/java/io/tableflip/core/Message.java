package io.tableflip.core;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A message between parent and child: {@code type(1) length(2) payload}, but for READY, which is the bare byte of level 1.
 * A receiver skips the types it does not know, so that neighbouring versions of this library understand each other.
 */
record Message(byte type, String text) {
    /** Child to parent: it accepts connections; payload: its process id in decimal digits. */
    static final byte TAKEOVER = 'T';
    /** Child to parent: it cannot take over; payload: why, as text. */
    static final byte FAILED = 'F';
    /** Child to parent, without length and payload: it is the service. */
    static final byte READY = 42;
    /** Parent to child: nothing but long-lived connections is left, the child may commit. */
    static final byte DRAINED = 'D';
    /** Parent to child: the upgrade has failed, the parent is the service. */
    static final byte ABORT = 'A';
    /** Parent to child: the whole service is to stop. */
    static final byte STOP = 'S';

    /** Up to PIPE_BUF bytes in all are written at once or not at all. */
    private static final int MAX_PAYLOAD = 4096 - 3;

    Message(byte type) {
        this(type, "");
    }

    byte[] encode() {
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
        return ByteBuffer.allocate(3 + length)
                .put(type)
                .putShort((short) length)
                .put(payload, 0, length)
                .array();
    }

    /** Puts messages together from bytes as they arrive. Not thread-safe. */
    static final class Decoder {
        private ByteBuffer pending = ByteBuffer.allocate(0);

        /** The messages that are complete with these bytes. */
        List<Message> decode(byte[] bytes, int count) {
            ByteBuffer all = ByteBuffer.allocate(pending.remaining() + count)
                    .put(pending)
                    .put(bytes, 0, count)
                    .flip();
            List<Message> messages = new ArrayList<>();
            while (complete(all)) {
                byte type = all.get();
                byte[] payload = new byte[type == READY ? 0 : Short.toUnsignedInt(all.getShort())];
                all.get(payload);
                messages.add(new Message(type, new String(payload, StandardCharsets.UTF_8)));
            }
            pending = all;
            return messages;
        }

        private static boolean complete(ByteBuffer buffer) {
            int at = buffer.position();
            int left = buffer.remaining();
            return left >= 1
                    && (buffer.get(at) == READY
                            || (left >= 3 && left >= 3 + Short.toUnsignedInt(buffer.getShort(at + 1))));
        }
    }
}
