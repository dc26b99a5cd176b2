package io.tableflip.netty;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPipelineException;
import io.netty.channel.ChannelPromise;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.tableflip.core.DrainReport;
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
                Drain.HANDLERS,
                pipeline -> pipeline.addLast(
                        new HttpServerCodec(), new HttpDrainHandler(), new EventStreamDrainHandler(), new Streams()));
    }

    /** Begins a stream for each request. */
    private static final class Streams extends SimpleChannelInboundHandler<Object> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Object message) {
            if (message instanceof HttpRequest) {
                HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
                response.headers().set(HttpHeaderNames.CONTENT_TYPE, "text/event-stream");
                HttpUtil.setTransferEncodingChunked(response, true);
                ctx.writeAndFlush(response);
            }
        }
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
        assertEquals(1, report.told());
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

    @Test
    void aStreamThatBeginsInTheDrainEndsBeforeItsFirstEvent() throws Exception {
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
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, "text/event-stream");
        channel.writeOneOutbound(response);
        DrainEvent event = new DrainEvent(TIMEOUT);
        channel.pipeline().fireUserEventTriggered(event);
        assertTrue(ends.isHeld());
        channel.advanceTimeBy(10, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();
        assertTrue(channel.isOpen());
        assertTrue(!event.isFinished(channel));
        ends.send();
        assertTrue(event.isFinished(channel));
        assertTrue(!channel.isOpen());
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
