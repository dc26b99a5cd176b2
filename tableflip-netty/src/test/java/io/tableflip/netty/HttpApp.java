package io.tableflip.netty;

import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.tableflip.testsupport.Await;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Answers paths that begin with /now at once, with the path, and leaves the others to the test. */
@Sharable
public final class HttpApp extends SimpleChannelInboundHandler<HttpRequest> {
    private final BlockingQueue<Call> calls = new LinkedBlockingQueue<>();

    /** A request that waits for its answer. */
    public record Call(ChannelHandlerContext ctx, HttpRequest request) {
        public void answer() {
            ctx.writeAndFlush(ok(request.uri()));
        }

        public void begin() {
            HttpResponse head = new DefaultHttpResponse(HTTP_1_1, HttpResponseStatus.OK);
            HttpUtil.setTransferEncodingChunked(head, true);
            ctx.writeAndFlush(head);
        }

        public void add(String part) {
            ctx.writeAndFlush(new DefaultHttpContent(Unpooled.copiedBuffer(part, US_ASCII)));
        }

        public void end() {
            ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
        }
    }

    public Call call() throws InterruptedException {
        return Await.next("a request", calls);
    }

    public boolean hasCall() {
        return !calls.isEmpty();
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, HttpRequest request) {
        Call call = new Call(ctx, request);
        if (request.uri().startsWith("/now")) {
            call.answer();
        } else {
            calls.add(call);
        }
    }

    public static FullHttpResponse ok(String body) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.OK, Unpooled.copiedBuffer(body, US_ASCII));
        HttpUtil.setContentLength(response, body.length());
        return response;
    }
}
