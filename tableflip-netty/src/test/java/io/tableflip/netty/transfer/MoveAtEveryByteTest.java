package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.netty.http.WebSocketDrainHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A connection is moved at every byte of what its client sends, in chunks of several sizes. Every message
 * comes to an application once, in order, and unchanged. (With {@code Tap.feed} passing on the buffer itself
 * instead of a slice, all of these fail.)
 */
class MoveAtEveryByteTest {
    private static final int[] CHUNKS = {1, 7, 10_000};

    private final List<String> seen = new ArrayList<>();

    /** What the client sends, and who understands it. */
    @SuppressWarnings({"ImmutableEnumChecker", "StringConcatToTextBlock"}) // nobody changes it; each line ends in CRLF
    enum Protocol {
        LINES("one\ntwo\n\n\nthree and more\r\nfour\n", Protocol::lines),
        LENGTHS("\0\3abc\0\0\0\1\n\0\5hello\0\2\0\0", Protocol::lengths),
        HTTP(requests(), Protocol::http),
        HTTP_IN_TWO(requests(), Protocol::httpInTwo),
        WEBSOCKET(upgrade() + frames(), Protocol::webSocket),
        PROXY_LINE("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n" + requests(), Protocol::behindProxy),
        PROXY_BINARY(
                "\r\n\r\n\0\r\nQUIT\n!\21\0\14\1\2\3\4\5\6\7\10\0\11\0\12" + upgrade() + frames(),
                Protocol::behindProxy);

        final byte[] stream;
        final java.util.function.Function<List<String>, ChannelHandler[]> handlers;

        Protocol(String stream, java.util.function.Function<List<String>, ChannelHandler[]> handlers) {
            this.stream = stream.getBytes(ISO_8859_1);
            this.handlers = handlers;
        }

        private static ChannelHandler[] lines(List<String> seen) {
            return new ChannelHandler[] {
                new LineBasedFrameDecoder(100), new TransferHandler(MessageFraming.lines()), new Application(seen)
            };
        }

        private static ChannelHandler[] lengths(List<String> seen) {
            return new ChannelHandler[] {
                new LengthFieldBasedFrameDecoder(100, 0, 2, 0, 2),
                new TransferHandler(MessageFraming.lengthField(0, 2, 0)),
                new Application(seen)
            };
        }

        private static ChannelHandler[] http(List<String> seen) {
            return new ChannelHandler[] {
                new HttpServerCodec(),
                new HttpTransferHandler(),
                new HttpDrainHandler(),
                new HttpObjectAggregator(10_000),
                new Application(seen)
            };
        }

        private static ChannelHandler[] httpInTwo(List<String> seen) {
            return new ChannelHandler[] {
                new HttpResponseEncoder(),
                new HttpRequestDecoder(),
                new HttpDrainHandler(),
                new HttpTransferHandler(),
                new HttpObjectAggregator(10_000),
                new Application(seen)
            };
        }

        private static ChannelHandler[] webSocket(List<String> seen) {
            return new ChannelHandler[] {
                new HttpServerCodec(),
                new HttpTransferHandler(),
                new HttpDrainHandler(),
                new HttpObjectAggregator(10_000),
                new WebSocketDrainHandler(),
                new WebSocketServerProtocolHandler("/", null, true),
                new Application(seen)
            };
        }

        private static ChannelHandler[] behindProxy(List<String> seen) {
            List<ChannelHandler> all = new ArrayList<>(List.of(webSocket(seen)));
            all.addAll(0, List.of(new HAProxyMessageDecoder(), new ClientAddress()));
            return all.toArray(new ChannelHandler[0]);
        }

        private static String requests() {
            return "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                    + "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\nGET /no HTTP\r\n\r\nabc"
                    + "\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n"
                    + "POST /4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\n\r\n\r\na\r\n3;x=y\r\n\n\n\n\r\n0\r\nTrailer: 1\r\n\r\n"
                    + "POST /5 HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nab\r\n\r\n\r\n"
                    + "GET /6 HTTP/1.1\r\nHost: x\r\n\r\nGET /7 HTTP/1.1\r\nHost: x\r\n\r\n";
        }

        private static String upgrade() {
            return "GET /before HTTP/1.1\r\nHost: x\r\n\r\n"
                    + "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        }

        private static String frames() {
            return Frames.text("one")
                    + Frames.frame(false, 1, "two, ")
                    + Frames.frame(true, 9, "ping")
                    + Frames.frame(false, 0, "in ")
                    + Frames.frame(true, 0, "three")
                    + Frames.text("x".repeat(130))
                    + Frames.text("")
                    + Frames.text("last");
        }
    }

    /** Knows where the client is. */
    private static final class ClientAddress extends SimpleChannelInboundHandler<byte[]> {
        private String header = "unknown ";

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, byte[] msg) {
            header = new String(msg, ISO_8859_1);
        }
    }

    /** Notes what comes, and answers. */
    private static final class Application extends SimpleChannelInboundHandler<Object> {
        private final List<String> seen;

        Application(List<String> seen) {
            this.seen = seen;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Object msg) {
            if (msg instanceof FullHttpRequest request) {
                ClientAddress address = ctx.pipeline().get(ClientAddress.class);
                seen.add((address == null ? "" : address.header) + request.method() + " " + request.uri() + " "
                        + request.content().toString(US_ASCII) + " "
                        + request.trailingHeaders().size() + " "
                        + request.decoderResult().isSuccess());
                ctx.writeAndFlush(new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1, HttpResponseStatus.NO_CONTENT, Unpooled.EMPTY_BUFFER));
            } else if (msg instanceof WebSocketFrame frame) {
                seen.add(frame.getClass().getSimpleName() + " " + frame.isFinalFragment() + " "
                        + frame.content().toString(ISO_8859_1));
            } else {
                seen.add(((ByteBuf) msg).toString(ISO_8859_1));
            }
        }
    }

    private Ends ends(Protocol protocol) {
        Supplier<ChannelHandler[]> handlers = () -> protocol.handlers.apply(seen);
        return new Ends(handlers);
    }

    @ParameterizedTest
    @EnumSource
    void everyMessageComesOnce(Protocol protocol) throws Exception {
        byte[] stream = protocol.stream;
        try (Ends ends = ends(protocol)) {
            ends.send(ends.accept(), stream);
        }
        List<String> expected = List.copyOf(seen);
        assertTrue(expected.size() > 3 && !expected.toString().contains("unknown"), expected::toString);
        for (int chunk : CHUNKS) {
            for (int cut = 0; cut <= stream.length; cut++) {
                seen.clear();
                moveAt(protocol, cut, chunk);
                assertEquals(expected, seen, "moved after " + cut + " bytes in chunks of " + chunk);
            }
        }
    }

    private void moveAt(Protocol protocol, int cut, int chunk) throws Exception {
        byte[] stream = protocol.stream;
        try (Ends ends = ends(protocol)) {
            EmbeddedChannel old = ends.accept();
            ends.send(old, stream, 0, cut, chunk);
            String obstacle = Ends.prepare(old);
            int sent = cut;
            while (obstacle != null && sent < stream.length) {
                int end = Math.min(stream.length, sent + chunk);
                ends.send(old, stream, sent, end, chunk);
                sent = end;
                obstacle = Ends.tap(old).obstacle();
            }
            assertNull(obstacle, "after " + sent + " bytes, asked after " + cut + ", in chunks of " + chunk);
            int before = seen.size();
            EmbeddedChannel next = ends.move(old);
            ends.send(next, stream, sent, stream.length, chunk);
            assertTrue(seen.size() >= before);
        }
    }
}
