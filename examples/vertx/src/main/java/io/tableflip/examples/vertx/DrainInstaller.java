package io.tableflip.examples.vertx;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.ssl.SslHandler;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.http.Http2DrainHandler;
import io.tableflip.netty.http.HttpDrainHandler;

/**
 * Gives each connection of a Vert.x HTTP server its drain handler. Vert.x has no hook for that, but Netty has: what the listening
 * channel accepts passes through its pipeline. Vert.x adds its codec later, some of it as late as it sees which protocol the client
 * speaks, so a handler of the connection waits for that.
 */
@Sharable
final class DrainInstaller extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object accepted) {
        ((Channel) accepted).pipeline().addLast(new OfConnection(false)); // in front of what Vert.x will add
        ctx.fireChannelRead(accepted);
    }

    private static final class OfConnection extends ChannelInboundHandlerAdapter {
        private final boolean behindTls;
        private boolean http1;

        OfConnection(boolean behindTls) {
            this.behindTls = behindTls;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof DrainEvent drain && !http1) {
                drain.idle(ctx.channel(), true); // the handler of its protocol, if there will be one, finds the event
            }
            ctx.fireUserEventTriggered(event);
        }

        /**
         * Until the protocol is known bytes are passed on one by one: the drain handler has to be there before the first request is, and
         * Vert.x may add its codec in the very call in which it would decode that request.
         */
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object msg) {
            ByteBuf bytes = (ByteBuf) msg;
            while (!install(ctx) && bytes.readableBytes() > 1) {
                ctx.fireChannelRead(bytes.readRetainedSlice(1));
            }
            ctx.fireChannelRead(bytes);
            install(ctx); // HTTP/1.1 may have become HTTP/2 by a request for that
        }

        /** Whether the connection has what it needs, for now. */
        private boolean install(ChannelHandlerContext ctx) {
            if (ctx.isRemoved()) {
                return true;
            }
            ChannelPipeline pipeline = ctx.pipeline();
            ChannelHandlerContext tls = behindTls ? null : pipeline.context(SslHandler.class);
            ChannelHandlerContext http2 = pipeline.context(Http2ConnectionHandler.class);
            if (tls != null) {
                replaceBy(ctx, tls, new OfConnection(true));
            } else if (http2 != null) {
                replaceBy(ctx, http2, new Http2DrainHandler());
            } else if (!http1 && pipeline.context(HttpResponseEncoder.class) != null) {
                http1 = true;
                pipeline.addAfter(pipeline.context(HttpResponseEncoder.class).name(), null, new HttpDrainHandler());
            }
            return http1 || ctx.isRemoved();
        }

        private void replaceBy(ChannelHandlerContext ctx, ChannelHandlerContext predecessor, ChannelHandler handler) {
            ctx.pipeline().addAfter(predecessor.name(), null, handler);
            ctx.pipeline().remove(this);
        }
    }
}
