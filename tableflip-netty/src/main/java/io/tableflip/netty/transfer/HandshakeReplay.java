package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The response to a handshake that is played once more in the new process. Its client has got the same
 * response from the old one, so it goes nowhere.
 */
final class HandshakeReplay {
    private static final byte[] EMPTY_LINE = "\r\n\r\n".getBytes(US_ASCII);
    private static final int LONGEST = 64 * 1024;

    private final String expected;
    private final ByteArrayOutputStream head = new ByteArrayOutputStream();
    private boolean over;

    /** @param expected what the client was told */
    HandshakeReplay(String expected) {
        this.expected = expected;
    }

    /** Takes what belongs to the head of the response out of these bytes. */
    void swallow(ByteBuf written) {
        byte[] bytes = ByteBufUtil.getBytes(written);
        int before = head.size();
        head.writeBytes(bytes);
        int end = ByteBufUtil.indexOf(Unpooled.wrappedBuffer(EMPTY_LINE), Unpooled.wrappedBuffer(head.toByteArray()));
        over = end >= 0 || head.size() > LONGEST;
        written.skipBytes(end < 0 ? bytes.length : end + EMPTY_LINE.length - before);
    }

    /** The whole of the head was written. */
    boolean isOver() {
        return over;
    }

    /**
     * Why the client cannot go on here; {@code null} if it can.
     *
     * @param link what has become of the connection; {@code null} if it is not one of WebSocket
     */
    @Nullable
    String difference(@Nullable WebSocketLink link) {
        if (link == null) {
            return "the response is "
                    + head.toString(ISO_8859_1).lines().findFirst().orElse("empty");
        }
        String result = link.negotiated().toString();
        return result.equals(expected) ? null : result + " instead of " + expected;
    }
}
