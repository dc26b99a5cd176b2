package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler.HandshakeComplete;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketServerCompressionHandler;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.Deflater;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** WebSocket connections whose two ends are channels without sockets. */
@SuppressWarnings("deprecation") // the compression handler that 4.1 and 4.2 both have
class WebSocketTransferTest {
    private static final String CLOSE_1012 = "\u0088\2\3\u00f4";
    private static final int COMPRESSED = 0x40;

    private final List<String> seen = new ArrayList<>();
    private boolean compression;
    private String subprotocols = "chat";
    private boolean rejects;
    private boolean welcomes;
    private final Ends ends = new Ends(this::handlers);

    private ChannelHandler[] handlers() {
        List<ChannelHandler> all = new ArrayList<>();
        all.add(new HttpServerCodec());
        all.add(new HttpTransferHandler());
        all.add(new HttpObjectAggregator(10_000));
        if (rejects) {
            all.add(new Rejection());
        }
        if (compression) {
            all.add(new WebSocketServerCompressionHandler());
        }
        all.add(new WebSocketServerProtocolHandler("/", subprotocols, true));
        all.add(new WebSocketFrameAggregator(1 << 20));
        all.add(new Application());
        return all.toArray(new ChannelHandler[0]);
    }

    private static final class Rejection extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest msg) {
            ctx.writeAndFlush(new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.FORBIDDEN, Unpooled.copiedBuffer("no", ISO_8859_1)));
        }
    }

    private final class Application extends SimpleChannelInboundHandler<TextWebSocketFrame> {
        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
            if (evt instanceof HandshakeComplete complete) {
                seen.add("open " + complete.selectedSubprotocol()
                        + (TransferredConnection.of(ctx.channel()).isPresent() ? " again" : ""));
                if (welcomes) {
                    ctx.writeAndFlush(new TextWebSocketFrame("welcome"));
                }
            } else if (evt instanceof TransferEvent) {
                seen.add(evt instanceof Leaving ? "leaving" : evt.toString());
            }
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, TextWebSocketFrame msg) {
            seen.add(msg.text());
        }

        /** Netty's handler of the handshake reports that its response could not be written. */
        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            if (!(cause instanceof ClosedChannelException)) {
                ctx.fireExceptionCaught(cause);
            }
        }
    }

    @AfterEach
    void nothingIsLeft() {
        ends.close();
    }

    private static byte[] upgrade(String headers) {
        return ("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + headers
                        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
                .getBytes(ISO_8859_1);
    }

    private EmbeddedChannel open(String headers) throws Exception {
        EmbeddedChannel channel = ends.accept();
        ends.send(channel, upgrade(headers));
        String response = text(channel);
        assertTrue(response.startsWith("HTTP/1.1 101"), response);
        return channel;
    }

    private EmbeddedChannel open() throws Exception {
        return open("Sec-WebSocket-Protocol: chat\r\n");
    }

    private static String text(EmbeddedChannel channel) {
        return new String(Ends.written(channel), ISO_8859_1);
    }

    @Test
    void theClientSeesNoSecondHandshakeButWhatFollowsIt() throws Exception {
        EmbeddedChannel old = open();
        welcomes = true;
        assertNull(Ends.prepare(old));
        EmbeddedChannel next = ends.move(old);
        assertEquals("", text(old));
        assertEquals("\u0081\7welcome", text(next));
        ends.send(next, Frames.bytes(Frames.text("hello")));
        assertEquals(List.of("open chat", "leaving", "TRANSFERRED", "open chat again", "hello"), seen);
        assertFalse(old.isOpen());
    }

    @Test
    void anotherSubprotocolEndsIt() throws Exception {
        EmbeddedChannel old = open();
        assertNull(Ends.prepare(old));
        subprotocols = "other";
        isRefused(ends.move(old));
    }

    @Test
    void anotherExtensionEndsIt() throws Exception {
        compression = true;
        EmbeddedChannel old = open("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
        assertNull(Ends.prepare(old));
        compression = false;
        isRefused(ends.move(old));
    }

    @Test
    void aRejectedHandshakeEndsIt() throws Exception {
        EmbeddedChannel old = open();
        assertNull(Ends.prepare(old));
        rejects = true;
        isRefused(ends.move(old));
    }

    private void isRefused(EmbeddedChannel channel) {
        assertEquals(CLOSE_1012, text(channel));
        assertFalse(channel.isOpen());
        assertEquals(1, seen.stream().filter(event -> event.startsWith("open")).count(), seen::toString);
    }

    @Test
    void aMessageIsReceivedWholeFirst() throws Exception {
        EmbeddedChannel old = open();
        ends.send(old, Frames.bytes(Frames.frame(false, 1, "one ")));
        assertEquals("message being received", Ends.prepare(old));
        ends.send(old, Frames.bytes(Frames.frame(true, 0, "two") + Frames.text("three")));
        assertNull(Ends.tap(old).obstacle());
        ends.move(old);
        assertEquals(List.of("open chat", "one two", "leaving", "TRANSFERRED", "open chat again", "three"), seen);
    }

    @Test
    void aMessageIsSentWholeFirst() throws Exception {
        EmbeddedChannel old = open();
        old.writeOutbound(new TextWebSocketFrame(false, 0, "one "));
        assertEquals("message being sent", Ends.prepare(old));
        old.writeOutbound(new ContinuationWebSocketFrame(true, 0, "two"));
        old.runPendingTasks();
        assertNull(Ends.tap(old).obstacle());
        text(old);
        ends.move(old);
    }

    @Test
    void aFrameThatIsTooLongToTravelIsReceivedFirst() throws Exception {
        EmbeddedChannel old = open();
        byte[] frame = Frames.bytes(Frames.frame(true, 1, "x".repeat(65_000)));
        ends.send(old, frame, 0, 10_000, 4_000);
        assertEquals("message being received", Ends.prepare(old));
        ends.send(old, frame, 10_000, frame.length, 4_000);
        assertNull(Ends.tap(old).obstacle());
        ends.move(old);
        assertEquals(65_000, seen.get(1).length());
    }

    @Test
    void aConnectionThatIsBeingClosedStays() throws Exception {
        EmbeddedChannel old = open();
        old.writeOutbound(new CloseWebSocketFrame(1000, ""));
        assertEquals("closing", Ends.prepare(old));
        text(old);
    }

    @Test
    void anUnansweredHandshakeStays() throws Exception {
        Ends silent = new Ends(() -> new ChannelHandler[] {new HttpServerCodec(), new HttpTransferHandler()});
        EmbeddedChannel old = silent.accept();
        silent.send(old, upgrade(""));
        assertEquals("handshake", Ends.prepare(old));
        silent.close();
    }

    /**
     * The client's compressor refers to what it has sent before, however long ago that connection was moved.
     */
    @ParameterizedTest
    @ValueSource(strings = {"", "; client_max_window_bits"})
    void compressedMessagesReferToEarlierOnes(String parameters) throws Exception {
        compression = true;
        EmbeddedChannel current = open("Sec-WebSocket-Extensions: permessage-deflate" + parameters + "\r\n");
        seen.clear();
        Random random = new Random(2);
        StringBuilder hard = new StringBuilder(); // does not compress unless it was there before
        for (int i = 0; i < 24_000; i++) {
            hard.append((char) ('!' + random.nextInt(90)));
        }
        Deflater deflater = new Deflater(6, true);
        for (int n = 1; n <= 60; n++) {
            int from = random.nextInt(hard.length() - 2000);
            String message =
                    n % 10 == 0 ? n + "|" + hard : n + "|" + hard.substring(from, from + 1 + random.nextInt(2000));
            byte[] frame = compressed(deflater, message);
            int half = n % 2 == 0 ? frame.length / 2 : frame.length;
            ends.send(current, frame, 0, half, 10_000);
            if (n % 3 == 0) {
                assertNull(Ends.prepare(current));
                current = ends.move(current);
            }
            ends.send(current, frame, half, frame.length, 10_000);
            seen.removeIf(event -> event.startsWith("open") || event.equals("leaving") || event.equals("TRANSFERRED"));
            assertEquals(List.of(message), seen, "message " + n);
            seen.clear();
        }
        deflater.end();
    }

    private static byte[] compressed(Deflater deflater, String message) {
        deflater.setInput(message.getBytes(ISO_8859_1));
        byte[] out = new byte[message.length() + 1000];
        int length = deflater.deflate(out, 0, out.length, Deflater.SYNC_FLUSH) - 4;
        String payload = new String(Arrays.copyOf(out, length), ISO_8859_1);
        byte[] frame = Frames.bytes(Frames.frame(true, 1, payload));
        frame[0] |= COMPRESSED;
        return frame;
    }
}
