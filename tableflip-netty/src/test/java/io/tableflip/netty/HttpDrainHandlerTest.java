package io.tableflip.netty;

import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.tableflip.core.DrainReport;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class HttpDrainHandlerTest {
    private static final Duration LONG = Duration.ofSeconds(20);

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final BlockingQueue<Call> calls = new LinkedBlockingQueue<>();

    record Call(ChannelHandlerContext ctx, HttpRequest request) {
        void answer() {
            ctx.writeAndFlush(ok(request.uri()));
        }
    }

    @Test
    void answersEveryPipelinedRequestOfABatchThatIsAnsweredWhileItIsDecoded() throws Exception {
        TestServer server = start();
        Client client = cleanup.add(server.connect());
        client.send(Client.get("/now")).response();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        client.send(Client.get("/now1") + Client.get("/now2") + Client.get("/now3"));
        assertFalse(client.response().saysClose());
        assertFalse(client.response().saysClose());
        Client.Response last = client.response();
        assertEquals("/now3", last.body());
        assertTrue(last.saysClose());
        assertEquals(-1, client.read());
        client.close();
        DrainReport report = drained.get(10, TimeUnit.SECONDS);
        assertEquals(1, report.finished());
        assertEquals(1, report.told());
    }

    private TestServer start() throws Exception {
        return TestServer.start(
                cleanup,
                Drain.HANDLERS,
                pipeline -> pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), new App()));
    }

    /** Answers paths that begin with /now at once, and leaves the others to the test. */
    private final class App extends SimpleChannelInboundHandler<HttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, HttpRequest request) {
            Call call = new Call(ctx, request);
            if (request.uri().startsWith("/now")) {
                call.answer();
            } else {
                calls.add(call);
            }
        }
    }

    private static FullHttpResponse ok(String body) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.OK, Unpooled.copiedBuffer(body, US_ASCII));
        HttpUtil.setContentLength(response, body.length());
        return response;
    }
}
