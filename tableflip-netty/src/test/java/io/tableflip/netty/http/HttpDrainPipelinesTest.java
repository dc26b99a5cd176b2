package io.tableflip.netty.http;

import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static io.tableflip.netty.http.HttpDrainHandlerTest.assertLast;
import static io.tableflip.netty.http.HttpDrainHandlerTest.assertNotLast;
import static io.tableflip.netty.http.HttpDrainHandlerTest.beginDrain;
import static io.tableflip.netty.http.HttpDrainHandlerTest.get;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpChunkedInput;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpContentCompressor;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.ReadOnlyHttpHeaders;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.stream.ChunkedStream;
import io.netty.handler.stream.ChunkedWriteHandler;
import io.netty.util.concurrent.DefaultEventExecutorGroup;
import io.netty.util.concurrent.EventExecutorGroup;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.HttpApp;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.Tls;
import io.tableflip.netty.drain.RunningDrain;
import io.tableflip.testsupport.Await;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The drain handler among the others that are found in HTTP pipelines. */
@Timeout(30)
class HttpDrainPipelinesTest {
    private static final Duration LONG = Duration.ofSeconds(20);

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final HttpApp app = new HttpApp();

    @Test
    void keepAliveHandlerAfterIt() throws Exception {
        pipelinedRequestsAreAllAnswered(start(pipeline -> pipeline.addLast(
                new HttpServerCodec(), new HttpDrainHandler(), new HttpServerKeepAliveHandler(), app)));
    }

    @Test
    void keepAliveHandlerBeforeIt() throws Exception {
        pipelinedRequestsAreAllAnswered(start(pipeline -> pipeline.addLast(
                new HttpServerCodec(), new HttpServerKeepAliveHandler(), new HttpDrainHandler(), app)));
    }

    @Test
    void aggregatorAndCompressorAfterIt() throws Exception {
        pipelinedRequestsAreAllAnswered(start(pipeline -> pipeline.addLast(
                new HttpServerCodec(),
                new HttpDrainHandler(),
                new HttpContentCompressor(),
                new HttpObjectAggregator(1000),
                app)));
    }

    @Test
    void aggregatorBeforeIt() throws Exception {
        pipelinedRequestsAreAllAnswered(start(pipeline ->
                pipeline.addLast(new HttpServerCodec(), new HttpObjectAggregator(1000), new HttpDrainHandler(), app)));
    }

    private void pipelinedRequestsAreAllAnswered(TestServer server) throws Exception {
        Client client = connect(server);
        client.send(Client.get("/1") + Client.get("/2"));
        HttpApp.Call one = app.call();
        HttpApp.Call two = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        client.send(Client.get("/3"));
        HttpApp.Call three = app.call();
        one.answer();
        assertNotLast("/1", client);
        two.answer();
        assertNotLast("/2", client);
        three.answer();
        assertLast("/3", client);
        client.close();
        assertEquals(1, get(drained).notified());
    }

    @Test
    void anExpectationIsMetBeforeTheLastResponse() throws Exception {
        TestServer server = start(pipeline ->
                pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), new HttpObjectAggregator(1000), app));
        Client client = connect(server);
        server.child();
        beginDrain(server);
        client.send("POST /now HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        Client.Response informational = client.response();
        assertEquals(100, informational.status());
        assertFalse(informational.saysClose());
        client.send("body");
        assertLast("/now", client);
    }

    @Test
    void informationalResponsesInTwoPartsEndNothing() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send(Client.get("/hints"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        call.ctx().write(new DefaultHttpResponse(HTTP_1_1, HttpResponseStatus.valueOf(103)));
        call.ctx().writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
        assertEquals(103, client.response().status());
        call.answer();
        assertLast("/hints", client);
    }

    @Test
    void aConnectionThatChangesItsProtocolIsLeftAlone() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send("GET /ws HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        FullHttpResponse response = new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS);
        response.headers().set("Connection", "upgrade").set("Upgrade", "echo");
        stepsAside(server, client, call, response);
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aTunnelIsLeftAlone() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n");
        HttpApp.Call call = app.call();
        beginDrain(server);
        stepsAside(server, client, call, new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.OK));
    }

    private static void stepsAside(TestServer server, Client client, HttpApp.Call call, FullHttpResponse response)
            throws Exception {
        Channel channel = server.child();
        call.ctx().writeAndFlush(response).sync();
        Client.Response switched = client.response(false);
        assertEquals(response.status().code(), switched.status());
        assertFalse(switched.saysClose());
        assertNull(channel.pipeline().get(HttpDrainHandler.class));
        channel.eventLoop()
                .submit(() -> channel.pipeline().remove(HttpServerCodec.class))
                .sync();
        channel.writeAndFlush(Unpooled.copiedBuffer("x", US_ASCII));
        assertEquals('x', client.read());
    }

    @Test
    void aTunnelThatIsRefusedIsToldToClose() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n");
        HttpApp.Call call = app.call();
        beginDrain(server);
        FullHttpResponse response = new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.FORBIDDEN);
        HttpUtil.setContentLength(response, 0);
        call.ctx().writeAndFlush(response);
        assertLast("", client);
    }

    @Test
    void head() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        server.child();
        beginDrain(server);
        client.send("HEAD /now HTTP/1.1\r\nHost: test\r\n\r\n");
        Client.Response response = client.response(false);
        assertTrue(response.saysClose());
        assertEquals(-1, client.read());
    }

    @Test
    void aResponseOfTheOldVersion() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        HttpApp.Call call = app.call();
        beginDrain(server);
        FullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_0, HttpResponseStatus.OK, Unpooled.copiedBuffer("old", US_ASCII));
        HttpUtil.setContentLength(response, 3);
        HttpUtil.setKeepAlive(response, true);
        call.ctx().writeAndFlush(response);
        Client.Response received = client.response();
        assertEquals("old", received.body());
        // In this version to close is what goes without saying.
        assertNull(received.headers().get("connection"));
        assertEquals(-1, client.read());
    }

    @Test
    void aResponseThatCannotBeMarkedLeavesTheConnectionOpen() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send(Client.get("/constant"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        call.ctx()
                .writeAndFlush(new DefaultFullHttpResponse(
                        HTTP_1_1,
                        HttpResponseStatus.OK,
                        Unpooled.EMPTY_BUFFER,
                        new ReadOnlyHttpHeaders(true, "Content-Length", "0"),
                        EmptyHttpHeaders.INSTANCE));
        assertNotLast("", client);
        client.send(Client.get("/now"));
        assertLast("/now", client);
    }

    @Test
    void voidPromises() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send(Client.get("/void"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        call.ctx().executor().execute(() -> {
            HttpResponse head = new DefaultHttpResponse(HTTP_1_1, HttpResponseStatus.OK);
            HttpUtil.setTransferEncodingChunked(head, true);
            call.ctx().write(head, call.ctx().voidPromise());
            call.ctx()
                    .write(
                            new DefaultHttpContent(Unpooled.copiedBuffer("void", US_ASCII)),
                            call.ctx().voidPromise());
            call.ctx()
                    .writeAndFlush(
                            LastHttpContent.EMPTY_LAST_CONTENT, call.ctx().voidPromise());
        });
        assertLast("void", client);
    }

    @Test
    void anApplicationThatFlushesAndWritesWhenAskedToWriteLess() throws Exception {
        TestServer server = start(pipeline -> {
            pipeline.channel().config().setWriteBufferWaterMark(new WriteBufferWaterMark(32 * 1024, 64 * 1024));
            pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), new EagerFlusher(), app);
        });
        Client client = connect(server);
        client.send(Client.get("/flush"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        call.ctx().executor().execute(() -> {
            HttpResponse head = new DefaultHttpResponse(HTTP_1_1, HttpResponseStatus.OK);
            HttpUtil.setTransferEncodingChunked(head, true);
            call.ctx().write(head);
            for (int i = 0; i < 53; i++) {
                call.ctx().write(new DefaultHttpContent(Unpooled.copiedBuffer("x".repeat(1024), US_ASCII)));
            }
            call.end();
        });
        assertLast("x".repeat(53 * 1024), client);
        client.close();
        assertEquals(1, get(drained).finished());
    }

    /** Flushes whenever too much is waiting. */
    private static final class EagerFlusher extends ChannelDuplexHandler {
        @Override
        public void channelWritabilityChanged(ChannelHandlerContext ctx) {
            if (!ctx.channel().isWritable()) {
                ctx.flush();
            }
            ctx.fireChannelWritabilityChanged();
        }
    }

    @Test
    void aResponseThatIsOnItsWayWhenTheDrainBeginsIsUnderWayUntilItIsSent() {
        EmbeddedChannel channel = new EmbeddedChannel(new HttpDrainHandler());
        channel.writeInbound(new DefaultFullHttpRequest(HTTP_1_1, HttpMethod.GET, "/"));
        channel.pipeline().write(HttpApp.ok("/"));
        RunningDrain drain = new RunningDrain(LONG);
        channel.pipeline().fireUserEventTriggered(drain);
        assertFalse(drain.isIdle(channel));
        channel.flush();
        assertTrue(drain.isIdle(channel));
        channel.finishAndReleaseAll();
    }

    @Test
    void whatIsWrittenWhenTheHeldBackWritesAreReleasedComesAfterThem() {
        EmbeddedChannel channel = new EmbeddedChannel();
        // Netty counts some more bytes for a write that is passed on than for one that is held back.
        channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(1, 310));
        channel.pipeline().addLast(new HttpDrainHandler(), new ChannelDuplexHandler() {
            private boolean ended;

            @Override
            public void channelWritabilityChanged(ChannelHandlerContext ctx) {
                if (!ctx.channel().isWritable() && !ended) {
                    ended = true;
                    ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
                }
            }
        });
        channel.pipeline().fireUserEventTriggered(new RunningDrain(LONG));
        channel.writeInbound(new DefaultFullHttpRequest(HTTP_1_1, HttpMethod.GET, "/"));
        HttpResponse head = new DefaultHttpResponse(HTTP_1_1, HttpResponseStatus.OK);
        channel.pipeline().write(head);
        List<HttpContent> parts = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            parts.add(new DefaultHttpContent(Unpooled.copiedBuffer("0123456789", US_ASCII)));
            channel.pipeline().write(parts.get(i));
        }
        channel.pipeline().flush();
        for (int round = 0; round < 3; round++) {
            channel.runPendingTasks();
        }
        assertSame(head, channel.readOutbound());
        for (HttpContent part : parts) {
            assertSame(part, channel.readOutbound());
            part.release();
        }
        assertSame(LastHttpContent.EMPTY_LAST_CONTENT, channel.readOutbound());
        channel.finishAndReleaseAll();
    }

    @Test
    @SuppressWarnings("deprecation") // since 4.2: an executor for a handler
    void anApplicationOnAThreadOfItsOwnThatIsBusyAfterItsResponse() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        EventExecutorGroup own = new DefaultEventExecutorGroup(1);
        cleanup.add(() -> own.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        cleanup.add(go::countDown);
        TestServer server = start(pipeline ->
                pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler()).addLast(own, app));
        Client client = connect(server);
        client.send(Client.get("/busy"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        CompletableFuture<Boolean> informed = new CompletableFuture<>();
        own.execute(() -> {
            call.ctx().writeAndFlush(HttpApp.ok("/busy")).addListener(done -> informed.complete(done.isSuccess()));
            Await.latch(go);
        });
        assertLast("/busy", client);
        go.countDown();
        assertTrue(informed.get(10, TimeUnit.SECONDS));
    }

    @Test
    void anApplicationThatClosesAfterItsResponse() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send(Client.get("/close"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        CompletableFuture<Void> closed = new CompletableFuture<>();
        call.ctx().executor().execute(() -> {
            call.answer();
            call.ctx().close().addListener(done -> closed.complete(null));
        });
        assertLast("/close", client);
        client.close();
        closed.get(10, TimeUnit.SECONDS);
        assertEquals(1, get(drained).notified());
    }

    @Test
    void anApplicationThatSaysCloseItself() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send(Client.get("/close"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        FullHttpResponse response = HttpApp.ok("/close");
        HttpUtil.setKeepAlive(response, false);
        call.ctx().writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
        assertLast("/close", client);
        client.close();
        assertEquals(1, get(drained).notified());
    }

    @Test
    void anApplicationThatGivesUpInTheMiddleOfAResponse() throws Exception {
        TestServer server = start(this::plain);
        Client client = connect(server);
        client.send(Client.get("/close"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        call.begin();
        call.ctx().channel().close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aLongResponseInChunksIsNotReadIntoMemoryAndArrivesWhole() throws Exception {
        TestServer server = start(pipeline ->
                pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), new ChunkedWriteHandler(), app));
        Client client = connect(server);
        client.send(Client.get("/long"));
        app.call();
        beginDrain(server);
        byte[] body = "0123456789".repeat(1_000_000).getBytes(US_ASCII);
        ByteArrayInputStream source = new ByteArrayInputStream(body);
        Channel channel = server.child();
        int unread = channel.eventLoop()
                .submit(() -> {
                    HttpResponse head = new DefaultHttpResponse(HTTP_1_1, HttpResponseStatus.OK);
                    HttpUtil.setContentLength(head, body.length);
                    channel.write(head);
                    channel.writeAndFlush(new HttpChunkedInput(new ChunkedStream(source)));
                    return source.available();
                })
                .get();
        assertTrue(unread > body.length - 1_000_000, unread + " bytes unread");
        Client.Response response = client.response();
        assertTrue(response.saysClose());
        assertEquals(new String(body, US_ASCII), response.body());
        assertEquals(-1, client.read());
    }

    @Test
    void tls(@TempDir Path directory) throws Exception {
        Tls tls = new Tls(directory);
        TestServer server = start(pipeline -> {
            SSLEngine engine = tls.context().createSSLEngine();
            engine.setUseClientMode(false);
            pipeline.addLast(new SslHandler(engine));
            plain(pipeline);
        });
        Client client = cleanup.add(connect(server).secured(tls.context()));
        assertFalse(client.send(Client.get("/now")).response().saysClose());
        CompletableFuture<DrainReport> drained = beginDrain(server);
        client.send(Client.get("/now1") + Client.get("/now2"));
        assertNotLast("/now1", client);
        // an end without close_notify would be an exception here
        assertLast("/now2", client);
        client.close();
        assertEquals(1, get(drained).finished());
    }

    private void plain(ChannelPipeline pipeline) {
        pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), app);
    }

    private TestServer start(Consumer<ChannelPipeline> handlers) throws Exception {
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, handlers);
    }

    private Client connect(TestServer server) throws Exception {
        return cleanup.add(server.connect());
    }
}
