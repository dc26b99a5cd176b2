package io.tableflip.examples.vertx;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.websocketx.WebSocketFrameDecoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.ssl.SslHandler;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.http.Http2DrainHandler;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.netty.http.WebSocketDrainHandler;
import io.tableflip.netty.transfer.HttpTransferHandler;
import io.tableflip.netty.transfer.Leaving;
import io.tableflip.netty.transfer.TransferredConnection;
import org.jspecify.annotations.Nullable;

/**
 * Gives each connection of a Vert.x HTTP server its handlers for transfer and drain. Vert.x has no hook for
 * that, but Netty has: what the listening channel accepts passes through its pipeline. Vert.x adds its codec
 * later, some of it as late as it sees which protocol the client speaks, so a handler of the connection waits
 * for that.
 */
@Sharable
final class DrainInstaller extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object accepted) {
        ((Channel) accepted).pipeline().addLast(new OfConnection(false)); // in front of what Vert.x will add
        ctx.fireChannelRead(accepted);
    }

    private static final class OfConnection extends ChannelInboundHandlerAdapter {
        private static final String HTTP2 = "PRI"; // no method of HTTP/1.1 begins so

        private final boolean behindTls;
        private boolean http1;
        /** Too few bytes to tell. */
        private ByteBuf first = Unpooled.EMPTY_BUFFER;

        OfConnection(boolean behindTls) {
            this.behindTls = behindTls;
        }

        /** A connection from the old process speaks HTTP/1.1, and needs its handlers before it is active. */
        @Override
        public void channelRegistered(ChannelHandlerContext ctx) {
            if (TransferredConnection.of(ctx.channel()).isPresent()) {
                chooseHttp1(ctx);
            }
            install(ctx, new HttpTransferHandler());
            ctx.fireChannelRegistered();
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof DrainEvent drain && !http1) {
                drain.idle(ctx.channel(), true); // the handler of its protocol, if there will be one, finds the event
            } else if (event instanceof Leaving leaving && ctx.pipeline().get(WebSocketFrameDecoder.class) != null) {
                leaving.refuse("websocket"); // Vert.x may have messages of it that the application has not seen
            }
            ctx.fireUserEventTriggered(event);
        }

        /**
         * Until the protocol is known bytes are passed on one by one: the drain handler has to be there before the first request is, and
         * Vert.x may add its codec in the very call in which it would decode that request.
         */
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object msg) {
            ByteBuf bytes = Unpooled.wrappedBuffer(first, (ByteBuf) msg);
            first = Unpooled.EMPTY_BUFFER;
            if (isUnknown(ctx) && isPrefix(bytes)) {
                first = bytes;
            } else if (isUnknown(ctx) && isHttp1(ctx, bytes)) {
                ctx.pipeline()
                        .fireChannelRead(bytes); // once more from the beginning: the handler for transfers is there
            } else {
                while (!install(ctx, null) && bytes.readableBytes() > 1) {
                    ctx.fireChannelRead(bytes.readRetainedSlice(1));
                }
                ctx.fireChannelRead(bytes);
                install(ctx, null); // HTTP/1.1 may have become HTTP/2 by a request for that
            }
        }

        private boolean isUnknown(ChannelHandlerContext ctx) {
            return !http1 && !behindTls && ctx.pipeline().context(SslHandler.class) == null;
        }

        private static boolean isPrefix(ByteBuf bytes) {
            return bytes.readableBytes() < HTTP2.length() && HTTP2.startsWith(bytes.toString(US_ASCII));
        }

        private boolean isHttp1(ChannelHandlerContext ctx, ByteBuf bytes) {
            if (!bytes.toString(bytes.readerIndex(), HTTP2.length(), US_ASCII).equals(HTTP2)) {
                chooseHttp1(ctx);
                install(ctx, HttpTransferHandler.beforeFirstRead());
            }
            return http1;
        }

        /** Vert.x takes its codec for HTTP/1.1, which ignores an empty line. */
        private static void chooseHttp1(ChannelHandlerContext ctx) {
            ctx.fireChannelRead(Unpooled.copiedBuffer("\r\n", US_ASCII));
        }

        /** Whether the connection has what it needs, for now. */
        private boolean install(ChannelHandlerContext ctx, @Nullable HttpTransferHandler transfer) {
            if (ctx.isRemoved()) {
                return true;
            }
            ChannelPipeline pipeline = ctx.pipeline();
            ChannelHandlerContext tls = behindTls ? null : pipeline.context(SslHandler.class);
            ChannelHandlerContext http2 = pipeline.context(Http2ConnectionHandler.class);
            ChannelHandlerContext codec = pipeline.context(HttpResponseEncoder.class);
            if (tls != null) {
                replaceBy(ctx, tls, new OfConnection(true));
            } else if (http2 != null) {
                replaceBy(ctx, http2, new Http2DrainHandler());
            } else if (!http1 && codec != null) {
                http1 = true;
                pipeline.addAfter(codec.name(), "tableflip-http1", new HttpDrainHandler());
                pipeline.addAfter("tableflip-http1", "tableflip-websocket", new WebSocketDrainHandler());
                if (transfer != null) {
                    pipeline.addAfter(codec.name(), "tableflip-transfer", transfer);
                }
            }
            return http1 || ctx.isRemoved();
        }

        private void replaceBy(ChannelHandlerContext ctx, ChannelHandlerContext predecessor, ChannelHandler handler) {
            ctx.pipeline().addAfter(predecessor.name(), null, handler);
            ctx.pipeline().remove(this);
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext ctx) {
            first.release();
        }
    }
}
