package io.tableflip.netty;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Stream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Ends an HTTP/2 connection without losing a stream when a {@link DrainEvent} arrives, by the graceful shutdown of RFC 9113, 6.8: a
 * GOAWAY that refuses nothing yet tells the client to open no more streams, a PING shows when it has heard of that, and a second GOAWAY
 * names the last stream. All streams up to that one are answered; then the connection is closed, first for sending only.
 *
 * <p>Its place in the pipeline is anywhere behind the {@code Http2FrameCodec} or another {@code Http2ConnectionHandler}, right behind it for
 * example. It may be added with that after a negotiation or an upgrade, also while the connection is being drained. Each
 * connection needs a new one.
 *
 * <p>A client that does not answer the PING gets the second GOAWAY after 10 s, or half of the time to the drain timeout if that is less. If the
 * drain is called off, a connection that was told ends all the same when its streams have ended, but nobody cuts it.
 */
public final class Http2DrainHandler extends ChannelInboundHandlerAdapter {
    private static final Duration PING_LIMIT = Duration.ofSeconds(10);
    /** In the PING, so that its answer cannot be taken for that to somebody else's. */
    private static final long PING = 0x7461_626c_6566_6c70L;

    private @Nullable Http2ConnectionHandler codec;
    private @Nullable DrainEvent event;
    /** The second GOAWAY was sent. */
    private boolean closed;
    /** All streams have ended, and so does the connection. */
    private boolean ending;

    /** For one connection. */
    public Http2DrainHandler() {}

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        for (var other : ctx.pipeline()) {
            if (other.getValue() instanceof Http2DrainHandler && other.getValue() != this) {
                throw new IllegalStateException("this pipeline has an Http2DrainHandler already");
            }
        }
        DrainEvent.of(ctx.channel()).ifPresent(current -> begin(ctx, current));
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        if (evt instanceof DrainEvent drain) {
            begin(ctx, drain);
        }
        ctx.fireUserEventTriggered(evt);
    }

    private void begin(ChannelHandlerContext ctx, DrainEvent drain) {
        boolean first = codec == null;
        Http2ConnectionHandler found = ctx.pipeline().get(Http2ConnectionHandler.class);
        if (found == null || !ctx.channel().isActive()) {
            return; // not HTTP/2, at least not yet
        }
        event = drain;
        drain.protocol(ctx.channel(), "h2");
        drain.told(ctx.channel());
        if (first) {
            codec = found;
            found.connection().addListener(new Streams(ctx));
            goAway(ctx, found, Integer.MAX_VALUE);
            ping(ctx, found, drain);
        }
        noteIdle(ctx);
        if (closed) {
            endIfIdle(ctx);
        }
    }

    private void ping(ChannelHandlerContext ctx, Http2ConnectionHandler to, DrainEvent drain) {
        to.decoder().frameListener(new Http2FrameListenerDecorator(to.decoder().frameListener()) {
            @Override
            public void onPingAckRead(ChannelHandlerContext from, long data) throws Http2Exception {
                if (data == PING) {
                    closeForStreams(ctx, to);
                } else {
                    super.onPingAckRead(from, data);
                }
            }
        });
        ChannelHandlerContext from = ctx.pipeline().context(to);
        to.encoder().writePing(from, false, PING, from.newPromise());
        from.flush();
        Duration half = drain.remaining().dividedBy(2);
        Tasks.after(ctx, half.compareTo(PING_LIMIT) < 0 ? half : PING_LIMIT, () -> closeForStreams(ctx, to));
    }

    private static void goAway(ChannelHandlerContext ctx, Http2ConnectionHandler codec, int lastStream) {
        ChannelHandlerContext from = ctx.pipeline().context(codec);
        codec.goAway(from, lastStream, Http2Error.NO_ERROR.code(), Unpooled.EMPTY_BUFFER, from.newPromise());
        from.flush();
    }

    /** The client has heard that it shall open no more streams: those that it has opened are all. */
    private void closeForStreams(ChannelHandlerContext ctx, Http2ConnectionHandler codec) {
        if (closed || !ctx.channel().isActive()) {
            return;
        }
        closed = true;
        goAway(ctx, codec, codec.connection().remote().lastStreamCreated());
        endIfIdle(ctx);
    }

    private void endIfIdle(ChannelHandlerContext ctx) {
        if (!closed || ending || !isIdle() || !ctx.channel().isActive()) {
            return;
        }
        ending = true;
        // behind all that was written: who closes the sending side gives up what is not sent
        ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> {
            if (written.isSuccess()) {
                if (event != null) {
                    event.finished(ctx.channel());
                }
                SendingSide.closeFor(ctx, SendingSide.CLOSE_LIMIT);
            }
        });
    }

    private boolean isIdle() {
        return codec != null && codec.connection().numActiveStreams() == 0;
    }

    private void noteIdle(ChannelHandlerContext ctx) {
        if (event != null) {
            event.idle(ctx.channel(), isIdle());
        }
    }

    private final class Streams extends Http2ConnectionAdapter {
        private final ChannelHandlerContext ctx;

        Streams(ChannelHandlerContext ctx) {
            this.ctx = ctx;
        }

        @Override
        public void onStreamActive(Http2Stream stream) {
            noteIdle(ctx);
        }

        /** The streams are counted after this, and what ended the stream may not be written yet. */
        @Override
        public void onStreamRemoved(Http2Stream stream) {
            ctx.executor().execute(() -> {
                noteIdle(ctx);
                endIfIdle(ctx);
            });
        }
    }
}
