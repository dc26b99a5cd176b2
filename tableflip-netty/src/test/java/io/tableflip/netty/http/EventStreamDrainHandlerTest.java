package io.tableflip.netty.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPipelineException;
import io.netty.channel.ChannelPromise;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.Groups;
import io.tableflip.netty.HttpApp;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.drain.RunningDrain;
import io.tableflip.testsupport.Await;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class EventStreamDrainHandlerTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final String HEAD =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private TestServer server() throws Exception {
        return TestServer.start(
                cleanup,
                DrainPolicy.HANDLERS,
                pipeline -> pipeline.addLast(
                        new HttpServerCodec(), new HttpDrainHandler(), new EventStreamDrainHandler(), new Streams()));
    }

    /** Begins a stream for each request. */
    private static final class Streams extends SimpleChannelInboundHandler<Object> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Object message) {
            if (message instanceof HttpRequest request) {
                HttpResponse response = head();
                if (request.uri().equals("/7")) {
                    HttpUtil.setTransferEncodingChunked(response, false);
                    HttpUtil.setContentLength(response, 7);
                }
                ctx.writeAndFlush(response);
            }
        }
    }

    private static HttpResponse head() {
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, "text/event-stream");
        HttpUtil.setTransferEncodingChunked(response, true);
        return response;
    }

    private static ChannelFuture write(Channel channel, String text) {
        return channel.writeAndFlush(new DefaultHttpContent(Unpooled.copiedBuffer(text, US_ASCII)));
    }

    private static String chunk(String text) {
        return Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n\n", "\r\n\r\n", "\r\r"})
    void aStreamEndsAfterTheEventThatIsBeingWritten(String boundary) throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect()).send(Client.get("/"));
        Channel child = server.child();
        assertEquals(HEAD, client.bytes(HEAD.length()));
        String half = "data: one" + boundary.substring(0, boundary.length() / 2);
        write(child, half).sync();
        assertEquals(chunk(half), client.bytes(chunk(half).length()));
        CompletableFuture<DrainReport> drained = server.drain(TIMEOUT);
        server.event();
        String rest = "data: two" + boundary;
        write(child, rest).sync();
        String end = chunk(rest) + "0\r\n\r\n";
        assertEquals(end, client.bytes(end.length()));
        assertEquals(-1, client.read());
        assertInstanceOf(
                ClosedChannelException.class,
                write(child, "data: three\n\n").await().cause());
        client.close();
        DrainReport report = drained.get(20, TimeUnit.SECONDS);
        assertEquals(1, report.finished());
        assertEquals(1, report.notified());
        assertTrue(report.protocols().containsKey("event-stream"), report::toString);
    }

    @Test
    void aStreamBetweenTwoEventsEndsAtOnce() throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect()).send(Client.get("/"));
        Channel child = server.child();
        String event = "id: 1\ndata: x\n\n";
        client.bytes(HEAD.length());
        write(child, event).sync();
        client.bytes(chunk(event).length());
        server.drain(TIMEOUT);
        assertEquals("0\r\n\r\n", client.bytes(5));
        assertEquals(-1, client.read());
    }

    /**
     * One write is the end of an event, a whole one and the beginning of a third: no write ends between
     * events.
     */
    @Test
    void aWriteIsCutBehindItsLastWholeEvent() throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect()).send(Client.get("/"));
        Channel child = server.child();
        client.bytes(HEAD.length());
        write(child, "data: o").sync();
        client.bytes(chunk("data: o").length());
        server.drain(TIMEOUT);
        server.event();
        String whole = "ne\n\ndata: two\n\n";
        ChannelFuture cut = write(child, whole + "data: thr");
        assertInstanceOf(ClosedChannelException.class, cut.await().cause());
        String end = chunk(whole) + "0\r\n\r\n";
        assertEquals(end, client.bytes(end.length()));
        assertEquals(-1, client.read());
        assertInstanceOf(
                ClosedChannelException.class, write(child, "ee\n\n").await().cause());
    }

    /** The first CR LF CR could be the end of the event, but who looks for CR LF CR LF would not find it. */
    @Test
    void anEmptyLineInTwoWritesIsSentWhole() throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect()).send(Client.get("/"));
        Channel child = server.child();
        client.bytes(HEAD.length());
        server.drain(TIMEOUT);
        server.event();
        write(child, "data: one\r\n\r").sync();
        write(child, "\n").sync();
        String all = chunk("data: one\r\n\r") + chunk("\n") + "0\r\n\r\n";
        assertEquals(all, client.bytes(all.length()));
        assertEquals(-1, client.read());
    }

    @ParameterizedTest
    @ValueSource(strings = {":\n", ": keep-alive\r\n", "retry: 3000\n"})
    void aStreamEndsBehindALineThatIsNoPartOfAnEvent(String line) throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect()).send(Client.get("/"));
        Channel child = server.child();
        client.bytes(HEAD.length());
        write(child, line).sync();
        assertEquals(chunk(line), client.bytes(chunk(line).length()));
        server.drain(TIMEOUT);
        assertEquals("0\r\n\r\n", client.bytes(5));
        assertEquals(-1, client.read());
    }

    @ParameterizedTest
    @ValueSource(strings = {"data: x\n:\n", "id: 1\n", "retr\n", "retries: 1\n", ": keep-al"})
    void aStreamDoesNotEndBehindTheLinesOfAnEvent(String lines) {
        EventStreamBoundaries stream = new EventStreamBoundaries();
        assertEquals(-1, stream.add(Unpooled.copiedBuffer(lines, US_ASCII)));
        assertEquals(2, stream.add(Unpooled.copiedBuffer("\n\n", US_ASCII)));
    }

    @Test
    void aStreamThatBeginsInTheDrainGetsItsFirstLines() throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect());
        Channel child = server.child();
        server.drain(TIMEOUT);
        server.event();
        client.send(Client.get("/"));
        String head = HEAD.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        assertEquals(head, client.bytes(head.length()));
        String first = "retry: 60000\nid: 7\n\n";
        write(child, first).sync();
        String end = chunk(first) + "0\r\n\r\n";
        assertEquals(end, client.bytes(end.length()));
        assertEquals(-1, client.read());
    }

    @Test
    void aStreamThatBeginsInTheDrainAndSendsNothingEnds() throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect());
        server.child();
        server.drain(TIMEOUT);
        server.event();
        client.send(Client.get("/"));
        Client.Response response = client.response();
        assertEquals("close", response.headers().get("connection"));
        assertEquals("", response.body());
        assertEquals(-1, client.read());
    }

    /** Its client waits for so many bytes. */
    @Test
    void aResponseWhoseLengthIsGivenIsNoStream() throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect()).send("GET /7 HTTP/1.1\r\nHost: test\r\n\r\n");
        Channel child = server.child();
        for (String line = client.line(); !line.isEmpty(); line = client.line()) {}
        write(child, ":\n\n").sync();
        server.drain(TIMEOUT);
        server.event();
        child.writeAndFlush(new DefaultLastHttpContent(Unpooled.copiedBuffer(":\n:\n", US_ASCII)))
                .sync();
        assertEquals(":\n\n:\n:\n", client.bytes(7));
    }

    /** The client finds the connection closed in order, with no half answer, and may ask anew. */
    @Test
    void requestsBehindAStreamAreNotAnswered() throws Exception {
        HttpApp app = new HttpApp();
        TestServer server = TestServer.start(
                cleanup,
                DrainPolicy.HANDLERS,
                pipeline -> pipeline.addLast(
                        new HttpServerCodec(), new HttpDrainHandler(), new EventStreamDrainHandler(), app));
        Client client = cleanup.add(server.connect()).send(Client.get("/stream") + Client.get("/behind"));
        Channel child = server.child();
        HttpApp.Call stream = app.call();
        HttpApp.Call behind = app.call();
        stream.ctx().writeAndFlush(head()).sync();
        stream.add(":\n");
        server.drain(TIMEOUT);
        String all = HEAD + chunk(":\n") + "0\r\n\r\n";
        assertEquals(all, client.bytes(all.length()));
        assertEquals(-1, client.read());
        client.send(Client.get("/late"));
        ChannelFuture answer = behind.ctx().writeAndFlush(HttpApp.ok("behind"));
        assertInstanceOf(ClosedChannelException.class, answer.await().cause());
        Groups.awaitTurn(child);
        assertFalse(app.hasCall(), "the application cannot answer it");
        client.close();
        Await.until("closed", () -> !child.isOpen());
    }

    /**
     * The write that was cut fails, and then applications close: the end of the stream must come all the
     * same.
     */
    @Test
    void anApplicationThatClosesWhenAWriteFailsDoesNotCutTheStream() {
        Ends ends = new Ends();
        EmbeddedChannel channel = new EmbeddedChannel(ends, new EventStreamDrainHandler());
        channel.writeOneOutbound(head());
        channel.pipeline().fireUserEventTriggered(new RunningDrain(TIMEOUT));
        channel.writeOneOutbound(new DefaultHttpContent(Unpooled.copiedBuffer("data: 1\n\ndata", US_ASCII)))
                .addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
        assertTrue(ends.isHeld());
        assertTrue(channel.isOpen());
        ends.send();
        assertFalse(channel.isOpen());
        channel.releaseOutbound();
    }

    @Test
    void anEventIsNotCutAndARollbackLetsTheStreamGoOn() throws Exception {
        TestServer server = server();
        Client client = cleanup.add(server.connect()).send(Client.get("/"));
        Channel child = server.child();
        client.bytes(HEAD.length());
        write(child, "data: one\n").sync();
        server.drain(TIMEOUT);
        server.event();
        server.upgrader.resume();
        write(child, "\n").sync();
        write(child, "data: two\n\n").sync();
        String all = chunk("data: one\n") + chunk("\n") + chunk("data: two\n\n");
        assertEquals(all, client.bytes(all.length()));
    }

    /** What a client is slow to read goes first: the time in which it has to close begins only then. */
    @Test
    void aSlowClientIsNotCutBeforeTheEndIsSent() {
        Ends ends = new Ends();
        EmbeddedChannel channel = new EmbeddedChannel(ends, new EventStreamDrainHandler());
        channel.writeOneOutbound(head());
        channel.writeOneOutbound(new DefaultHttpContent(Unpooled.copiedBuffer(":\n", US_ASCII)));
        RunningDrain event = new RunningDrain(TIMEOUT);
        channel.pipeline().fireUserEventTriggered(event);
        assertTrue(ends.isHeld());
        channel.advanceTimeBy(10, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();
        assertTrue(channel.isOpen());
        assertTrue(!event.isFinished(channel));
        ends.send();
        assertTrue(event.isFinished(channel));
        assertTrue(!channel.isOpen());
        channel.releaseOutbound();
    }

    /** Keeps the end of a response, as a full socket does. */
    private static final class Ends extends ChannelOutboundHandlerAdapter {
        private @Nullable ChannelPromise held;

        @Override
        public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
            if (msg instanceof LastHttpContent) {
                held = promise;
            } else {
                ctx.write(msg, promise);
            }
        }

        boolean isHeld() {
            return held != null;
        }

        void send() {
            requireNonNull(held).setSuccess();
        }
    }

    @Test
    void aSecondOneInThePipelineIsRefused() {
        EmbeddedChannel channel = new EmbeddedChannel(new EventStreamDrainHandler());
        channel.pipeline().addLast(new EventStreamDrainHandler());
        ChannelPipelineException refused = assertThrows(ChannelPipelineException.class, channel::checkException);
        assertTrue(String.valueOf(refused.getCause()).contains("has an EventStreamDrainHandler already"));
    }
}
