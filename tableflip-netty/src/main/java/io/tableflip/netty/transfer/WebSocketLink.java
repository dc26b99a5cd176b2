package io.tableflip.netty.transfer;

import static java.util.Objects.requireNonNull;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.extensions.WebSocketExtensionDecoder;
import org.jspecify.annotations.Nullable;

/** A connection that has become one of WebSocket. On the event loop. */
final class WebSocketLink {
    private static final int COMPRESSED = 4; // RSV1
    /** Data of a message that restores the window: less than any limit of a codec should be. */
    private static final int PRIMING = 1000;

    private final WebSocketInput input = new WebSocketInput();
    private final Negotiated negotiated;
    private final int windowSize;
    private @Nullable DeflateWindow window;
    private boolean windowMissing;
    private boolean open;
    private boolean sending;
    private boolean closeSent;

    WebSocketLink(Negotiated negotiated) {
        this.negotiated = negotiated;
        windowSize = negotiated.clientWindow();
    }

    WebSocketInput input() {
        return input;
    }

    Negotiated negotiated() {
        return negotiated;
    }

    /** The response to the handshake is sent, and the pipeline in order. */
    void opened() {
        open = true;
    }

    @Nullable
    String inputObstacle() {
        return input.isInFragments() ? "message being received" : null;
    }

    @Nullable
    String obstacle() {
        if (!open) {
            return "handshake";
        }
        if (closeSent || input.isClosed()) {
            return "closing";
        }
        return sending ? "message being sent" : null;
    }

    @Nullable
    String neverReason() {
        return windowMissing || negotiated.isUnknown() ? "unknown extension" : null;
    }

    /** A frame as the codec has made it. */
    void received(ChannelPipeline pipeline, WebSocketFrame frame) {
        if (windowSize == 0 || !(frame instanceof TextWebSocketFrame || frame instanceof BinaryWebSocketFrame)) {
            return;
        }
        boolean isCompressed = (frame.rsv() & COMPRESSED) != 0;
        if (isCompressed && window == null) {
            window = install(pipeline);
        }
        if (window != null) {
            window.expect(isCompressed);
        }
    }

    /** Only with the first message that needs it: there is no decompressor before. */
    private @Nullable DeflateWindow install(ChannelPipeline pipeline) {
        ChannelHandlerContext decompressor = pipeline.context(WebSocketExtensionDecoder.class);
        if (decompressor == null
                || decompressor.executor() != pipeline.channel().eventLoop()) {
            windowMissing = true;
            return null;
        }
        DeflateWindow added = new DeflateWindow(windowSize);
        pipeline.addAfter(decompressor.name(), null, added);
        return added;
    }

    /** A frame is being written. */
    void sent(WebSocketFrame frame) {
        closeSent |= frame instanceof CloseWebSocketFrame;
        if (frame instanceof TextWebSocketFrame
                || frame instanceof BinaryWebSocketFrame
                || frame instanceof ContinuationWebSocketFrame) {
            sending = !frame.isFinalFragment();
        }
    }

    byte[] window() {
        return window == null ? new byte[0] : window.bytes();
    }

    /**
     * Gives the decompressor what that of the old process had, whatever its class is: messages as the client
     * might have sent them, of one stored block each (RFC 1951, 3.2.4).
     *
     * @param before the context in front of the codec
     * @return whether there is a decompressor
     */
    boolean restoreWindow(ChannelHandlerContext before, byte[] data) {
        window = install(before.pipeline());
        if (window == null) {
            return false;
        }
        window.swallow(true);
        for (int at = 0; at < data.length; at += PRIMING) {
            before.fireChannelRead(storedBlock(before, data, at, Math.min(PRIMING, data.length - at)));
        }
        before.fireChannelReadComplete();
        requireNonNull(window).swallow(false);
        return true;
    }

    private static ByteBuf storedBlock(ChannelHandlerContext ctx, byte[] data, int from, int length) {
        int payload = length + 6;
        ByteBuf frame = ctx.alloc().buffer(payload + 8);
        frame.writeByte(0x80 | (COMPRESSED << 4) | 2); // final, binary
        if (payload < 126) {
            frame.writeByte(0x80 | payload);
        } else {
            frame.writeByte(0x80 | 126).writeShort(payload);
        }
        frame.writeInt(0); // a mask that changes nothing
        frame.writeByte(0).writeShortLE(length).writeShortLE(~length).writeBytes(data, from, length);
        return frame.writeByte(0); // the decompressor adds the rest of an empty last block
    }

    /** What a client understands: service restart. */
    static ByteBuf closeFrame() {
        return Unpooled.wrappedBuffer(new byte[] {(byte) 0x88, 2, 1012 >> 8, (byte) (1012 & 0xFF)});
    }
}
