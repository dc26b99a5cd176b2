package io.tableflip.netty.http;

import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static io.tableflip.netty.http.HttpDrainHandlerTest.beginDrain;
import static io.tableflip.netty.http.HttpDrainHandlerTest.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerUpgradeHandler;
import io.netty.handler.codec.http2.CleartextHttp2ServerUpgradeHandler;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.HttpApp;
import io.tableflip.netty.TestServer;
import io.tableflip.testsupport.Await;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A connection that begins with the HTTP/1.1 codec in its pipeline may be, or become, something else. */
@Timeout(30)
class HttpDrainProtocolsTest {
    private static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    private static final String EMPTY_SETTINGS = "\0\0\0\4\0\0\0\0\0";

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final HttpApp app = new HttpApp();

    /** HTTP/2 for clients that know that it is, and HTTP/1.1 for others. */
    private TestServer startBoth(ChannelHandler... withHttp2) throws Exception {
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> {
            HttpServerCodec codec = new HttpServerCodec();
            pipeline.addLast(
                    new CleartextHttp2ServerUpgradeHandler(
                            codec, new HttpServerUpgradeHandler(codec, protocol -> null), new Http2(withHttp2)),
                    new HttpDrainHandler(),
                    app);
        });
    }

    /** Puts the handlers of HTTP/2 into its place. */
    private static final class Http2 extends ChannelInboundHandlerAdapter {
        private final List<ChannelHandler> others;

        Http2(ChannelHandler... others) {
            this.others = List.of(others);
        }

        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            ChannelPipeline pipeline = ctx.pipeline();
            pipeline.addAfter(
                    ctx.name(), "http2", Http2FrameCodecBuilder.forServer().build());
            others.forEach(handler -> pipeline.addAfter("http2", null, handler));
            pipeline.remove(this);
        }
    }

    private Client http2(TestServer server) throws Exception {
        Client client = cleanup.add(server.connect()).send(PREFACE + EMPTY_SETTINGS);
        client.bytes(9); // the head of the server's settings
        return client;
    }

    @Test
    void http2OfAClientThatKnewIsNotTakenForHttp1() throws Exception {
        TestServer server = startBoth();
        Client client = http2(server);
        Channel channel = server.child();
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofSeconds(20));
        DrainEvent event = server.event();
        assertTrue(!event.isUnderstood(channel), "nobody has answered");
        assertNull(channel.pipeline().get(HttpDrainHandler.class));
        client.close();
        assertEquals(Set.of("other"), get(drained).protocols().keySet());
    }

    @Test
    void http2ThatBeginsInTheDrain() throws Exception {
        TestServer server = startBoth(new Http2DrainHandler());
        Client client = cleanup.add(server.connect());
        Channel channel = server.child();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        client.send(PREFACE + EMPTY_SETTINGS);
        client.bytes(9);
        Await.until("left", () -> channel.pipeline().get(HttpDrainHandler.class) == null);
        client.close();
        DrainReport report = get(drained);
        assertEquals(Set.of("h2"), report.protocols().keySet());
    }

    @Test
    void http1InTheSamePipelineIsToldToClose() throws Exception {
        TestServer server = startBoth();
        Client client = cleanup.add(server.connect());
        server.child();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        HttpDrainHandlerTest.assertLast("/now", client.send(Client.get("/now")));
        client.close();
        assertEquals(Set.of("http/1.1"), get(drained).protocols().keySet());
    }

    @Test
    void aConnectionThatHasSentNothingIsIdleAtTheTimeout() throws Exception {
        TestServer server = TestServer.start(
                cleanup,
                DrainPolicy.HANDLERS,
                pipeline -> pipeline.addLast(
                        new HttpRequestDecoder(), new HttpResponseEncoder(), new HttpDrainHandler(), app));
        Client client = cleanup.add(server.connect());
        server.child();
        DrainReport report = get(server.drain(Duration.ofMillis(300)));
        assertEquals(1, report.idle());
        assertEquals(Set.of("http/1.1"), report.protocols().keySet());
        assertEquals(-1, client.read());
    }

    /** The handler of the next protocol finds the event, or is given it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anUpgradeIsCompletedAndTheNextProtocolIsDrained(boolean before) throws Exception {
        TestServer server = TestServer.start(
                cleanup,
                DrainPolicy.HANDLERS,
                pipeline -> pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), app));
        Client client = cleanup.add(server.connect());
        client.send("GET /up HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: bye\r\n\r\n");
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained;
        if (before) {
            upgrade(server.child(), call);
            drained = server.drain(Duration.ofSeconds(20));
        } else {
            drained = beginDrain(server);
            upgrade(server.child(), call);
        }
        Client.Response switched = client.response(false);
        assertEquals(101, switched.status());
        assertTrue(!switched.saysClose());
        assertEquals("bye", client.bytes(3));
        assertEquals(-1, client.read());
        assertEquals(Set.of("bye"), get(drained).protocols().keySet());
    }

    private static void upgrade(Channel channel, HttpApp.Call call) throws Exception {
        FullHttpResponse response = new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS);
        response.headers().set("Connection", "upgrade").set("Upgrade", "bye");
        call.ctx().writeAndFlush(response).sync();
        channel.eventLoop()
                .submit(() -> channel.pipeline().replace(HttpServerCodec.class, null, new Bye()))
                .sync();
    }

    /** A protocol that ends with that word. */
    private static final class Bye extends ChannelInboundHandlerAdapter {
        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            DrainEvent.of(ctx.channel()).ifPresent(event -> end(ctx, event));
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
            if (evt instanceof DrainEvent event) {
                end(ctx, event);
            }
            ctx.fireUserEventTriggered(evt);
        }

        private static void end(ChannelHandlerContext ctx, DrainEvent event) {
            event.protocol(ctx.channel(), "bye");
            ctx.writeAndFlush(Unpooled.copiedBuffer("bye", StandardCharsets.US_ASCII))
                    .addListener(ChannelFutureListener.CLOSE);
        }
    }
}
