package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipelineException;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpExpectationFailedEvent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What keeps an HTTP/1.1 connection in its process, for some time or to its end. */
class HttpTransferTest {
    private static final String GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    private final List<Object> seen = new ArrayList<>();
    private final Ends ends =
            new Ends(() -> new ChannelHandler[] {new HttpServerCodec(), new HttpTransferHandler(), new Application()});
    private EmbeddedChannel channel = new EmbeddedChannel();

    private final class Application extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object msg) {
            seen.add(msg instanceof HttpRequest request ? request.uri() : msg.getClass());
            ReferenceCountUtil.release(msg);
        }
    }

    @BeforeEach
    void open() throws Exception {
        channel = ends.accept();
    }

    @AfterEach
    void nothingIsLeft() {
        ends.close();
    }

    private void receive(String text) {
        ends.send(channel, text.getBytes(US_ASCII));
    }

    private void respond(Object... parts) {
        for (Object part : parts) {
            channel.writeOutbound(part);
        }
        channel.runPendingTasks();
        Ends.written(channel);
    }

    private static DefaultFullHttpResponse whole(HttpResponseStatus status) {
        DefaultFullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.EMPTY_BUFFER);
        response.headers().set(HttpHeaderNames.CONTENT_LENGTH, 0);
        return response;
    }

    private void staysFor(String obstacle) {
        assertEquals(obstacle, Ends.prepare(channel));
    }

    private void leaves() {
        channel.runPendingTasks();
        assertNull(Ends.tap(channel).obstacle());
    }

    @Test
    void everyResponseIsOwed() {
        receive(GET + GET);
        staysFor("response owed");
        respond(whole(HttpResponseStatus.OK));
        staysFor("response owed");
        respond(whole(HttpResponseStatus.OK));
        leaves();
    }

    @Test
    void aResponseIsSentToItsEnd() {
        receive(GET);
        respond(new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK));
        staysFor("response under way");
        respond(new DefaultHttpContent(Unpooled.wrappedBuffer(new byte[1])));
        staysFor("response under way");
        respond(LastHttpContent.EMPTY_LAST_CONTENT);
        leaves();
    }

    @Test
    void aProvisionalResponseIsNone() {
        receive("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        respond(new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER));
        staysFor("request being received");
        receive("ab");
        staysFor("response owed");
        respond(whole(HttpResponseStatus.OK));
        leaves();
    }

    @Test
    void aBodyThatIsNotWantedDoesNotCome() {
        receive("POST /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        channel.pipeline().fireUserEventTriggered(HttpExpectationFailedEvent.INSTANCE);
        respond(whole(HttpResponseStatus.EXPECTATION_FAILED));
        receive("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
        respond(whole(HttpResponseStatus.OK));
        assertNull(Ends.prepare(channel));
        assertTrue(seen.contains("/2"), seen::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"})
    void aClientThatEndsItsConnectionIsAwaited(String request) {
        receive(request);
        respond(whole(HttpResponseStatus.OK));
        staysFor("closing");
    }

    @Test
    void aResponseThatSaysCloseIsTheLast() {
        receive(GET);
        DefaultFullHttpResponse response = whole(HttpResponseStatus.OK);
        response.headers().set(HttpHeaderNames.CONNECTION, "close");
        respond(response);
        staysFor("closing");
    }

    @Test
    void aTunnelStays() {
        receive("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n");
        respond(whole(HttpResponseStatus.OK));
        staysFor("tunnel");
    }

    @Test
    void anUnknownProtocolStays() {
        receive("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: mine\r\n\r\n");
        respond(new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS, Unpooled.EMPTY_BUFFER));
        staysFor("tunnel");
    }

    @Test
    void anUpgradeThatIsNotGrantedIsForgotten() {
        receive("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        staysFor("handshake");
        respond(whole(HttpResponseStatus.OK));
        leaves();
    }

    @Test
    void http2Stays() {
        channel.pipeline().remove(HttpServerCodec.class);
        staysFor("http/2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n"})
    void aRequestThatCannotBeReadStays(String request) {
        receive(request);
        assertEquals("bad request", Ends.tap(channel).neverReason());
        channel.finishAndReleaseAll();
    }

    @Test
    void aHeadThatIsTooLongToTravelIsReceivedFirst() throws Exception {
        Ends large = new Ends(() -> new ChannelHandler[] {
            new HttpServerCodec(4096, 100_000, 8192), new HttpTransferHandler(), new Application()
        });
        channel = large.accept();
        byte[] request = ("GET / HTTP/1.1\r\nX: " + "x".repeat(70_000) + "\r\n\r\n").getBytes(US_ASCII);
        large.send(channel, request, 0, 65_000, 10_000);
        staysFor("request being received");
        large.send(channel, request, 65_000, request.length, 10_000);
        staysFor("response owed");
        respond(whole(HttpResponseStatus.OK));
        leaves();
        large.close();
    }

    @Test
    void theOldApplicationSeesNoHalfRequest() throws Exception {
        receive("GET / HTT");
        assertNull(Ends.prepare(channel));
        ends.move(channel);
        assertEquals(List.of(), seen);
    }

    @Test
    void onlyBehindTheCodecItKnowsMessages() {
        EmbeddedChannel wrong = new EmbeddedChannel();
        wrong.pipeline().addLast(new HttpTransferHandler());
        ChannelPipelineException e = assertThrows(ChannelPipelineException.class, wrong::checkException);
        String cause = String.valueOf(e.getCause());
        assertTrue(cause.contains("right after HttpServerCodec"), cause);
        wrong.finishAndReleaseAll();
    }
}
