package io.tableflip.netty;

import static io.netty.handler.codec.http2.HttpConversionUtil.ExtensionHeaderNames.STREAM_ID;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpServerUpgradeHandler.UpgradeEvent;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.HttpToHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.InboundHttp2ToHttpAdapterBuilder;
import io.tableflip.testsupport.Await;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/**
 * Answers paths that begin with /now at once, with the path, and leaves the others to the test; in each of
 * Netty's two ways.
 */
public final class Http2App {
    private final BlockingQueue<Call> calls = new LinkedBlockingQueue<>();

    /** How a server may be made. */
    public enum Kind {
        /** The frame codec, and a channel for each stream. */
        MULTIPLEX,
        /** A connection handler, and objects of HTTP/1.1. */
        OBJECTS
    }

    /** A request that waits for its answer. */
    public record Call(String path, Consumer<String> body) {
        public void answer() {
            answer(path);
        }

        public void answer(String text) {
            body.accept(text);
        }
    }

    public Call call() throws InterruptedException {
        return Await.next("a request", calls);
    }

    public boolean hasCall() {
        return !calls.isEmpty();
    }

    public Http2ConnectionHandler codec(Kind kind) {
        if (kind == Kind.MULTIPLEX) {
            return Http2FrameCodecBuilder.forServer().build();
        }
        Http2Connection connection = new DefaultHttp2Connection(true);
        return new HttpToHttp2ConnectionHandlerBuilder()
                .connection(connection)
                .frameListener(new InboundHttp2ToHttpAdapterBuilder(connection)
                        .maxContentLength(100_000)
                        .build())
                .build();
    }

    public ChannelHandler handler(Kind kind) {
        if (kind == Kind.OBJECTS) {
            return new Objects();
        }
        return new Http2MultiplexHandler(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel stream) {
                stream.pipeline().addLast(new Stream());
            }
        });
    }

    private void note(Call call) {
        if (call.path().startsWith("/now")) {
            call.answer();
        } else {
            calls.add(call);
        }
    }

    private final class Stream extends SimpleChannelInboundHandler<Http2HeadersFrame> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Http2HeadersFrame request) {
            note(new Call(request.headers().path().toString(), body -> {
                ctx.write(new DefaultHttp2HeadersFrame(new DefaultHttp2Headers().status("200"), false));
                ctx.writeAndFlush(new DefaultHttp2DataFrame(Unpooled.copiedBuffer(body, US_ASCII), true));
            }));
        }
    }

    @Sharable
    private final class Objects extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            asked(ctx, request.uri(), request.headers().get(STREAM_ID.text()));
        }

        /** With these handlers the request of the upgrade comes in the event. */
        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
            if (evt instanceof UpgradeEvent upgrade) {
                asked(ctx, upgrade.upgradeRequest().uri(), "1");
            }
            ctx.fireUserEventTriggered(evt);
        }

        private void asked(ChannelHandlerContext ctx, String path, String stream) {
            note(new Call(path, body -> {
                FullHttpResponse response = HttpApp.ok(body);
                response.headers().set(STREAM_ID.text(), stream);
                ctx.writeAndFlush(response);
            }));
        }
    }
}
