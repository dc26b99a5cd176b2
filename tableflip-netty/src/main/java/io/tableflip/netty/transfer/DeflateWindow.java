package io.tableflip.netty.transfer;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The last data of a client that permessage-deflate has decompressed, for its next messages may refer to
 * them. Stands right behind Netty's decompressor. In the new process it takes out the messages by which that
 * decompressor gets the same data.
 */
final class DeflateWindow extends ChannelInboundHandlerAdapter {
    private static final int AT_FIRST = 1024;

    private final int size;
    private byte[] ring = new byte[0];
    private long total;
    private boolean compressed;
    private boolean swallowing;

    /** @param size in bytes, as it was negotiated */
    DeflateWindow(int size) {
        this.size = size;
    }

    /** Whether the message of the next frames of data comes through the decompressor. */
    void expect(boolean isCompressed) {
        compressed = isCompressed;
    }

    /** Whether messages are not from the client, and go nowhere. */
    void swallow(boolean on) {
        swallowing = on;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        ByteBuf data = data(msg);
        if (data != null && compressed) {
            add(data);
        }
        if (data != null && swallowing) {
            data.release();
        } else {
            ctx.fireChannelRead(msg);
        }
    }

    private static @Nullable ByteBuf data(Object msg) {
        if (msg instanceof TextWebSocketFrame text) {
            return text.content();
        }
        if (msg instanceof BinaryWebSocketFrame binary) {
            return binary.content();
        }
        return msg instanceof ContinuationWebSocketFrame more ? more.content() : null;
    }

    private void add(ByteBuf data) {
        int length = Math.min(size, data.readableBytes());
        int from = data.writerIndex() - length;
        grow(length);
        for (int left = length; left > 0; ) {
            int at = (int) (total % ring.length);
            int part = Math.min(left, ring.length - at);
            data.getBytes(from, ring, at, part);
            from += part;
            total += part;
            left -= part;
        }
    }

    /** As long as it has not come round, it only has to be long enough for what there is. */
    private void grow(int more) {
        if (ring.length < size && total + more > ring.length) {
            int length = Math.max(AT_FIRST, Integer.highestOneBit((int) total + more - 1) << 1);
            ring = Arrays.copyOf(ring, Math.min(size, length));
        }
    }

    byte[] bytes() {
        int length = (int) Math.min(total, ring.length);
        byte[] all = new byte[length];
        int at = (int) ((total - length) % Math.max(1, ring.length));
        int first = Math.min(length, ring.length - at);
        System.arraycopy(ring, at, all, 0, first);
        System.arraycopy(ring, 0, all, first, length - first);
        return all;
    }
}
