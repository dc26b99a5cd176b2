package io.tableflip.benchmarks;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2GoAwayFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2SettingsFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.tableflip.examples.FailureKind;

/**
 * One connection of HTTP/2 over TLS. When the server has said GOAWAY, it takes no more streams, and closes when those under way have ended: as clients do. For the
 * event loop's thread.
 */
final class Http2LoadConnection {
    /** Servers need not allow more streams at a time. */
    private static final int MOST_STREAMS = 100;

    /** How a connection has ended. */
    enum End {
        /** By the server, before it could be used. */
        UNUSED,
        /** By the server, with nothing under way. */
        IDLE,
        /** By a reset, with nothing under way and no GOAWAY before it. */
        IDLE_BROKEN,
        /** By the server, with streams under way, of which each tells its own outcome. */
        BUSY,
        /** By this client. */
        OURS
    }

    /** Hears of the connection as a whole. */
    interface Owner {
        void usable(Http2LoadConnection connection);

        void hasRoom(Http2LoadConnection connection);

        void goneAway(Http2LoadConnection connection);

        void ended(Http2LoadConnection connection, End end);
    }

    private final Channel channel;
    private final Owner owner;
    private boolean usable;
    private boolean goneAway;
    private boolean closing;
    private int streams;

    private Http2LoadConnection(Channel channel, Owner owner) {
        this.channel = channel;
        this.owner = owner;
    }

    /** Makes a client of a channel that is not connected yet. */
    static Http2LoadConnection add(Channel channel, SslContext tls, Owner owner) {
        Http2LoadConnection client = new Http2LoadConnection(channel, owner);
        channel.pipeline()
                .addLast(tls.newHandler(channel.alloc()))
                .addLast(client.new Ends())
                .addLast(Http2FrameCodecBuilder.forClient()
                        .initialSettings(Http2Settings.defaultSettings().pushEnabled(false))
                        .build())
                .addLast(new Http2MultiplexHandler(new ChannelInboundHandlerAdapter()))
                .addLast(client.new Frames());
        return client;
    }

    boolean isOpen() {
        return channel.isOpen();
    }

    /** Whether it was reset, or TLS has failed. */
    boolean isBroken() {
        return channel.hasAttr(Http2Exchange.BROKEN);
    }

    boolean hasRoom() {
        return streams < MOST_STREAMS;
    }

    void begin(Http2Exchange exchange) {
        streams++;
        new Http2StreamChannelBootstrap(channel)
                .handler(exchange)
                .open()
                .addListener((Future<Http2StreamChannel> opened) -> {
                    if (opened.isSuccess()) {
                        opened.getNow().closeFuture().addListener(closed -> streamEnded());
                    } else {
                        exchange.end(FailureKind.RESET);
                        streamEnded();
                    }
                });
    }

    /** A stream has: when its outcome is known, the codec may count it still. */
    private void streamEnded() {
        streams--;
        owner.hasRoom(this);
        closeIfDone();
    }

    private void closeIfDone() {
        if (goneAway && streams == 0) {
            close();
        }
    }

    void close() {
        closing = true;
        channel.close();
    }

    private End end() {
        if (closing) {
            return End.OURS;
        }
        if (!usable) {
            return End.UNUSED;
        }
        if (streams > 0) {
            return End.BUSY;
        }
        return isBroken() && !goneAway ? End.IDLE_BROKEN : End.IDLE;
    }

    /** Stands before the codec, which ends all streams when the connection ends: hears of that while they still count. */
    private final class Ends extends ChannelInboundHandlerAdapter {
        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            End end = end();
            ctx.fireChannelInactive();
            owner.ended(Http2LoadConnection.this, end);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.channel().attr(Http2Exchange.BROKEN).set(true);
            ctx.close();
        }
    }

    private final class Frames extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof Http2SettingsFrame && !usable) {
                usable = true;
                owner.usable(Http2LoadConnection.this);
            } else if (message instanceof Http2GoAwayFrame goAway) {
                ctx.channel().attr(Http2Exchange.LAST_STREAM).set(goAway.lastStreamId());
                if (!goneAway) {
                    goneAway = true;
                    owner.goneAway(Http2LoadConnection.this);
                }
                closeIfDone();
            }
            ReferenceCountUtil.release(message);
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof SslHandshakeCompletionEvent handshake && !handshake.isSuccess()) {
                ctx.close();
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close();
        }
    }
}
