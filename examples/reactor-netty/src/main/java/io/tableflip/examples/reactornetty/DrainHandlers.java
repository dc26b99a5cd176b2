package io.tableflip.examples.reactornetty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.WebSocketFrameDecoder;
import io.netty.handler.codec.http2.CleartextHttp2ServerUpgradeHandler;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.tableflip.netty.http.Http2DrainHandler;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.netty.http.WebSocketDrainHandler;
import io.tableflip.netty.transfer.HttpTransferHandler;
import io.tableflip.netty.transfer.Leaving;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;
import reactor.netty.ChannelPipelineConfigurer;
import reactor.netty.ConnectionObserver;
import reactor.netty.NettyPipeline;

/**
 * Transfers the connections of HTTP/1.1, and tells the clients of others when it is time to leave, for
 * {@code HttpServer.doOnChannelInit}: in clear text, with the protocols HTTP11, H2C, or both.
 */
public final class DrainHandlers implements ChannelPipelineConfigurer {
    @Override
    public void onChannelInit(ConnectionObserver observer, Channel channel, @Nullable SocketAddress remote) {
        ChannelPipeline pipeline = channel.pipeline();
        // By its class: NettyPipeline.HttpCodec is its name for HTTP11 alone. With H2C it has none of Reactor Netty's.
        ChannelHandlerContext http1 = pipeline.context(HttpServerCodec.class);
        if (http1 != null) {
            pipeline.addAfter(http1.name(), "tableflip-http1", new HttpDrainHandler());
            pipeline.addAfter(http1.name(), "tableflip-transfer", new HttpTransferHandler());
            pipeline.addAfter("tableflip-http1", "tableflip-websocket", new WebSocketDrainHandler());
            pipeline.addAfter("tableflip-http1", "tableflip-stays", new WebSocketsStay());
        }
        ChannelHandlerContext http2 = pipeline.context(Http2FrameCodec.class);
        if (http2 != null) {
            pipeline.addAfter(http2.name(), "tableflip-http2", new Http2DrainHandler());
        } else if (pipeline.get(CleartextHttp2ServerUpgradeHandler.class) != null) {
            // Waits for the codec, which comes with an upgrade or with the preface of HTTP/2.
            pipeline.addBefore(NettyPipeline.ReactiveBridge, "tableflip-http2", new Http2DrainHandler());
        }
    }

    /** Reactor Netty may have messages of a WebSocket that the application has not seen. */
    private static final class WebSocketsStay extends ChannelInboundHandlerAdapter {
        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof Leaving leaving && ctx.pipeline().get(WebSocketFrameDecoder.class) != null) {
                leaving.refuse("websocket");
            }
            ctx.fireUserEventTriggered(event);
        }
    }
}
