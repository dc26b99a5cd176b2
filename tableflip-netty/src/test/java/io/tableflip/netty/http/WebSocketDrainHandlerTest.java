package io.tableflip.netty.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler.ClientHandshakeStateEvent;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketClientCompressionHandler;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketServerCompressionHandler;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.Groups;
import io.tableflip.netty.TestServer;
import io.tableflip.testsupport.Await;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against Netty's client and the JDK's, over real sockets. */
@Timeout(30)
@SuppressWarnings("deprecation") // the compression handlers that 4.1 and 4.2 both have
class WebSocketDrainHandlerTest {
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final String RESTART = "close 1012 service restart";

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();

    /** How a server may be made. */
    enum Server {
        PROTOCOL_HANDLER,
        COMPRESSED,
        HANDSHAKER
    }

    private TestServer start(Server kind, WebSocketDrainHandler drain) throws Exception {
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> {
            pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), new HttpObjectAggregator(10_000));
            if (kind == Server.COMPRESSED) {
                pipeline.addLast(new WebSocketServerCompressionHandler());
            }
            pipeline.addLast(drain);
            pipeline.addLast(
                    kind == Server.HANDSHAKER
                            ? new Handshaker()
                            : new WebSocketServerProtocolHandler("/", null, true, 100_000));
            pipeline.addLast(new WebSocketFrameAggregator(100_000), new Application());
        });
    }

    @ParameterizedTest
    @EnumSource
    void theJdksClientIsToldAndAnswers(Server kind) throws Exception {
        TestServer server = start(kind, new WebSocketDrainHandler());
        JdkClient client = connectJdk(server);
        client.socket.sendText("a", true).get(10, TimeUnit.SECONDS);
        assertEquals("a", next(client.seen));
        DrainReport report = get(server.drain(LONG));
        assertEquals(RESTART, next(client.seen));
        assertEquals(1, report.finished());
        assertEquals(1, report.notified());
        assertEquals(1, toldOfWebSockets(report));
        assertTrue(client.seen.isEmpty(), client.seen::toString);
    }

    @ParameterizedTest
    @EnumSource
    void nettysClientIsToldAndAnswers(Server kind) throws Exception {
        TestServer server = start(kind, new WebSocketDrainHandler());
        NettyClient client = connectNetty(server);
        client.send(new TextWebSocketFrame("a"));
        assertEquals("a", next(client.seen));
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        assertEquals(RESTART, next(client.seen));
        client.send(new TextWebSocketFrame("crossing"));
        assertEquals("a", next(received));
        assertEquals("crossing", next(received));
        assertFalse(drained.isDone());
        client.send(new CloseWebSocketFrame(1012, "service restart"));
        assertEquals("end", next(client.seen));
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aMessageThatComesInFragmentsIsReceivedWhole() throws Exception {
        TestServer server = start(Server.COMPRESSED, new WebSocketDrainHandler());
        NettyClient client = connectNetty(server);
        client.send(new TextWebSocketFrame(false, 0, "one "));
        client.send(new PingWebSocketFrame());
        assertEquals("pong", next(client.seen));
        server.drain(LONG);
        server.event();
        Groups.awaitTurn(server.child());
        assertTrue(client.seen.isEmpty(), client.seen::toString);
        client.send(new ContinuationWebSocketFrame(true, 0, "two"));
        assertEquals("one two", next(received));
        assertEquals("one two", next(client.seen));
        assertEquals(RESTART, next(client.seen));
    }

    @Test
    void aMessageThatIsSentInFragmentsIsSentWholeAndNothingAfterTheClose() throws Exception {
        TestServer server = start(Server.COMPRESSED, new WebSocketDrainHandler());
        NettyClient client = connectNetty(server);
        Channel channel = server.child();
        channel.writeAndFlush(new TextWebSocketFrame(false, 0, "first ")).sync();
        server.drain(LONG);
        server.event();
        Groups.awaitTurn(channel);
        assertTrue(client.seen.isEmpty(), client.seen::toString);
        channel.writeAndFlush(new ContinuationWebSocketFrame(true, 0, "last")).sync();
        assertEquals("first last", next(client.seen));
        assertEquals(RESTART, next(client.seen));
        assertNothingFollows(channel);
        client.send(new CloseWebSocketFrame(1012, ""));
        assertEquals("end", next(client.seen));
    }

    private static void assertNothingFollows(Channel channel) {
        ExecutionException late = assertThrows(
                ExecutionException.class,
                () -> channel.writeAndFlush(new TextWebSocketFrame("late")).get(10, TimeUnit.SECONDS));
        assertInstanceOf(ClosedChannelException.class, late.getCause());
    }

    @Test
    void aMessageThatNeverEndsIsNotWaitedForForEver() throws Exception {
        TestServer server = start(Server.PROTOCOL_HANDLER, new WebSocketDrainHandler("bye", Duration.ofMillis(200)));
        NettyClient client = connectNetty(server);
        client.send(new TextWebSocketFrame(false, 0, "one "));
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        assertEquals("close 1012 bye", next(client.seen));
        // nor is the answer
        assertEquals("end", next(client.seen));
        assertEquals(1, get(drained).finished());
    }

    @Test
    void anApplicationThatClosesDoesNotCutTheClientShort() throws Exception {
        TestServer server = start(Server.PROTOCOL_HANDLER, new WebSocketDrainHandler());
        NettyClient client = connectNetty(server);
        Channel channel = server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        assertEquals(RESTART, next(client.seen));
        channel.close();
        Groups.awaitTurn(channel);
        client.send(new TextWebSocketFrame("crossing"));
        assertEquals("crossing", next(received));
        client.send(new CloseWebSocketFrame(1000, "mine"));
        assertEquals("end", next(client.seen));
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aClientThatClosesFirstGetsItsAnswer() throws Exception {
        TestServer server = start(Server.PROTOCOL_HANDLER, new WebSocketDrainHandler());
        NettyClient client = connectNetty(server);
        Channel channel = server.child();
        client.send(new CloseWebSocketFrame(1000, "mine"));
        server.drain(LONG);
        String close = next(client.seen);
        assertTrue(close.equals("close 1000 mine") || close.equals(RESTART), close);
        assertEquals("end", next(client.seen));
        channel.closeFuture().await(10, TimeUnit.SECONDS);
        assertFalse(channel.isOpen());
    }

    @Test
    void aHandshakeThatIsUnderWayIsCompleted() throws Exception {
        CompletableFuture<Runnable> answer = new CompletableFuture<>();
        TestServer server = TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> {
            pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), new HttpObjectAggregator(10_000));
            pipeline.addLast(new WebSocketDrainHandler(), new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext ctx, Object msg) {
                    answer.complete(() -> ctx.executor().execute(() -> ctx.fireChannelRead(msg)));
                }
            });
            pipeline.addLast(new Handshaker());
        });
        CompletableFuture<JdkClient> connecting = startJdk(server);
        answer.get(10, TimeUnit.SECONDS);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        answer.get().run();
        assertEquals(RESTART, next(connecting.get(10, TimeUnit.SECONDS).seen));
        assertEquals(1, toldOfWebSockets(get(drained)));
    }

    @Test
    void anUpgradeToAnotherProtocolIsNoHandshake() throws Exception {
        TestServer server = TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> {
            pipeline.addLast(new HttpServerCodec(), new HttpObjectAggregator(10_000), new WebSocketDrainHandler());
            pipeline.addLast(new SimpleChannelInboundHandler<FullHttpRequest>() {
                @Override
                protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
                    DefaultFullHttpResponse response =
                            new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS);
                    response.headers().set(HttpHeaderNames.UPGRADE, "h2c");
                    ctx.writeAndFlush(response)
                            .addListener(written -> ctx.executor().execute(() -> received.add("past")));
                }
            });
        });
        try (Socket client = new Socket()) {
            client.connect(server.address());
            client.getOutputStream().write("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n".getBytes(US_ASCII));
            assertEquals("past", next(received));
            CompletableFuture<DrainReport> drained = server.drain(LONG);
            server.event();
            client.shutdownOutput();
            assertEquals(0, get(drained).notified());
        }
    }

    @Test
    void itMayBeAddedWhenTheDrainHasBegun() throws Exception {
        TestServer server = TestServer.start(
                cleanup,
                DrainPolicy.HANDLERS,
                pipeline -> pipeline.addLast(
                        new HttpServerCodec(),
                        new HttpObjectAggregator(10_000),
                        new WebSocketServerProtocolHandler("/", null, true)));
        JdkClient client = connectJdk(server);
        Channel channel = server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        String protocol =
                channel.pipeline().context(WebSocketServerProtocolHandler.class).name();
        channel.pipeline().addBefore(protocol, null, new WebSocketDrainHandler());
        assertEquals(RESTART, next(client.seen));
        assertEquals(1, get(drained).notified());
    }

    @Test
    void aRollbackLeavesThoseThatWereNotToldAndEndsTheOthers() throws Exception {
        TestServer server = start(Server.PROTOCOL_HANDLER, new WebSocketDrainHandler("bye", Duration.ofSeconds(1)));
        NettyClient client = connectNetty(server);
        client.send(new TextWebSocketFrame(false, 0, "one "));
        client.send(new PingWebSocketFrame());
        assertEquals("pong", next(client.seen));
        server.drain(LONG);
        DrainEvent first = server.event();
        server.upgrader.resume();
        Await.until("past its limit", () -> first.remaining().compareTo(LONG.minusSeconds(2)) < 0);
        client.send(new ContinuationWebSocketFrame(true, 0, "two"));
        assertEquals("one two", next(client.seen));
        server.drain(LONG);
        assertEquals("close 1012 bye", next(client.seen));
        server.upgrader.resume();
        assertEquals("end", next(client.seen));
    }

    @Test
    void aWrongPlaceAndAReasonThatDoesNotFitAreRefused() {
        EmbeddedChannel channel = new EmbeddedChannel();
        channel.pipeline().addLast(new HttpServerCodec(), new WebSocketServerProtocolHandler("/"));
        channel.pipeline().addLast(new WebSocketDrainHandler());
        Throwable failure = assertThrows(RuntimeException.class, channel::checkException);
        assertTrue(
                String.valueOf(failure.getCause()).contains("before WebSocketServerProtocolHandler"),
                failure::toString);
        assertThrows(IllegalArgumentException.class, () -> new WebSocketDrainHandler("ä".repeat(62), LONG));
    }

    private static long toldOfWebSockets(DrainReport report) {
        return report.protocols().getOrDefault("websocket", DrainReport.NOTHING).notified();
    }

    private static String next(BlockingQueue<String> seen) throws InterruptedException {
        return String.valueOf(seen.poll(10, TimeUnit.SECONDS));
    }

    private static DrainReport get(CompletableFuture<DrainReport> drained) throws Exception {
        return drained.get(10, TimeUnit.SECONDS);
    }

    private static URI uri(TestServer server) {
        return URI.create("ws://127.0.0.1:" + server.address().getPort() + "/");
    }

    private JdkClient connectJdk(TestServer server) throws Exception {
        return startJdk(server).get(10, TimeUnit.SECONDS);
    }

    private CompletableFuture<JdkClient> startJdk(TestServer server) {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        return HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .buildAsync(uri(server), listener(seen::add))
                .thenApply(socket -> {
                    cleanup.add(socket::abort);
                    return new JdkClient(socket, seen);
                });
    }

    private record JdkClient(WebSocket socket, BlockingQueue<String> seen) {}

    private static WebSocket.Listener listener(Consumer<String> seen) {
        return new WebSocket.Listener() {
            @Override
            public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
                seen.accept(data.toString());
                return WebSocket.Listener.super.onText(socket, data, last);
            }

            @Override
            public CompletionStage<?> onClose(WebSocket socket, int status, String reason) {
                seen.accept("close " + status + " " + reason);
                return WebSocket.Listener.super.onClose(socket, status, reason);
            }

            @Override
            public void onError(WebSocket socket, Throwable error) {
                seen.accept(error.toString());
            }
        };
    }

    private NettyClient connectNetty(TestServer server) throws Exception {
        NettyClient client = new NettyClient();
        EventLoopGroup group = Groups.epoll(1);
        cleanup.add(() -> group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        client.channel = new Bootstrap()
                .group(group)
                .channel(EpollSocketChannel.class)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline()
                                .addLast(
                                        new HttpClientCodec(),
                                        new HttpObjectAggregator(10_000),
                                        WebSocketClientCompressionHandler.INSTANCE,
                                        new WebSocketClientProtocolHandler(
                                                WebSocketClientHandshakerFactory.newHandshaker(
                                                        uri(server),
                                                        WebSocketVersion.V13,
                                                        null,
                                                        true,
                                                        new DefaultHttpHeaders()),
                                                false,
                                                false),
                                        new WebSocketFrameAggregator(100_000),
                                        client);
                    }
                })
                .connect(server.listener().channel().localAddress())
                .sync()
                .channel();
        assertEquals("connected", next(client.seen));
        return client;
    }

    /** Answers nothing by itself. */
    private static final class NettyClient extends SimpleChannelInboundHandler<WebSocketFrame> {
        private final BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        private volatile Channel channel = new EmbeddedChannel();

        void send(WebSocketFrame frame) throws InterruptedException {
            channel.writeAndFlush(frame).sync();
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event == ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) {
                seen.add("connected");
            }
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, WebSocketFrame frame) {
            if (frame instanceof CloseWebSocketFrame close) {
                seen.add("close " + close.statusCode() + " " + close.reasonText());
            } else {
                seen.add(frame instanceof TextWebSocketFrame text ? text.text() : "pong");
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            seen.add("end");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            seen.add(cause.toString());
        }
    }

    /** Echoes, and notes what came. */
    private final class Application extends SimpleChannelInboundHandler<TextWebSocketFrame> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, TextWebSocketFrame frame) {
            received.add(frame.text());
            ctx.writeAndFlush(new TextWebSocketFrame(frame.text()));
        }
    }

    /** An application that does without the protocol handler. */
    private static final class Handshaker extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            new WebSocketServerHandshakerFactory("ws://127.0.0.1/", null, true)
                    .newHandshaker(request)
                    .handshake(ctx.channel(), request);
        }
    }
}
