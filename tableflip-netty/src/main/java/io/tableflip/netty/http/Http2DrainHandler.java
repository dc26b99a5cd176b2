package io.tableflip.netty.http;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpServerUpgradeHandler;
import io.netty.handler.codec.http2.CleartextHttp2ServerUpgradeHandler;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import io.tableflip.core.log.Log;
import io.tableflip.netty.DrainEvent;
import java.time.Duration;
import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Ends an HTTP/2 connection without losing a stream when a {@link DrainEvent} arrives, by the graceful
 * shutdown of RFC 9113, 6.8: a GOAWAY that refuses nothing yet tells the client to open no more streams, a
 * PING shows when it has heard of that, and one second later, in which a client may open the streams that it
 * had begun to, a second GOAWAY names the last one. All streams up to that one are answered, later ones are
 * refused, so that the client can ask anew elsewhere; then the connection is closed, first for sending only.
 *
 * <p>Its place in the pipeline is anywhere behind the {@code Http2FrameCodec} or another
 * {@code Http2ConnectionHandler}, right behind it for example. It may be added with that after a negotiation
 * or an upgrade, also while the connection is being drained, or be there from the start and wait for it. Each
 * connection needs a new one. An {@link HttpDrainHandler} that an upgrade has left in the pipeline of an
 * HTTP/2 connection is removed.
 *
 * <p>A client that does not answer the PING gets the second GOAWAY after 10 s, or half of the time to the
 * drain timeout if that is less. If the drain is called off, a connection that was notified ends nevertheless
 * when its streams have ended, but nobody cuts it.
 */
public final class Http2DrainHandler extends ChannelInboundHandlerAdapter {
    private static final System.Logger LOG = Log.get();
    /** The drains of which a useless connection was logged for all to see. */
    private static final Set<DrainEvent> COMPLAINED =
            Collections.newSetFromMap(Collections.synchronizedMap(new WeakHashMap<>()));

    private static final Duration PING_LIMIT = Duration.ofSeconds(10);
    /** Clients answer a PING before all their threads know of the GOAWAY in front of it. */
    private static final Duration GRACE = Duration.ofSeconds(1);
    /** In the PING, so that its answer cannot be taken for that to somebody else's. */
    private static final long PING = 0x7461_626c_6566_6c70L;

    private final Duration pingLimit;
    private final Duration grace;
    private @Nullable Http2ConnectionHandler codec;
    private @Nullable DrainEvent event;
    /** The first GOAWAY was written, or is about to be. */
    private boolean begun;
    /** It is on its way. */
    private boolean told;
    /** The last stream that the second GOAWAY names, once that was written. */
    private int last = Integer.MAX_VALUE;

    private boolean closed;
    /** All streams have ended, and so does the connection. */
    private boolean ending;

    /** For one connection. */
    public Http2DrainHandler() {
        this(PING_LIMIT, GRACE);
    }

    Http2DrainHandler(Duration pingLimit, Duration grace) {
        this.pingLimit = pingLimit;
        this.grace = grace;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        for (var other : ctx.pipeline()) {
            if (other.getValue() instanceof Http2DrainHandler && other.getValue() != this) {
                throw new IllegalStateException("this pipeline has an Http2DrainHandler already");
            }
        }
        DrainEvent.of(ctx.channel()).ifPresent(current -> event = current);
        beginIfPossible(ctx);
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        beginIfPossible(ctx);
        ctx.fireChannelActive();
    }

    /** An upgrade may have put the codec in place, without an event that comes here. */
    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (event != null) {
            beginIfPossible(ctx);
        }
        ctx.fireChannelReadComplete();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        if (evt instanceof DrainEvent drain) {
            event = drain;
            if (begun) {
                goOn(ctx, drain);
            }
        }
        beginIfPossible(ctx);
        ctx.fireUserEventTriggered(evt);
        if (evt instanceof DrainEvent drain && !ctx.isRemoved()) {
            complainIfUseless(ctx, drain);
        }
    }

    /** Nobody has understood the event, so there is no HTTP/2 here, nor anything else that has a handler. */
    private void complainIfUseless(ChannelHandlerContext ctx, DrainEvent drain) {
        if (drain.isUnderstood(ctx.channel()) || !ctx.channel().isActive()) {
            return;
        }
        drain.understood(ctx.channel());
        if (!isNegotiating(ctx.pipeline())) {
            LOG.log(
                    COMPLAINED.add(drain) ? WARNING : DEBUG,
                    "Http2DrainHandler has found no HTTP/2 codec in the pipeline of " + ctx.channel()
                            + ": the connection stays until its client closes it or the drain timeout has passed. Add the handler"
                            + " with the Http2FrameCodec (or another Http2ConnectionHandler), to the same pipeline and behind it:"
                            + " not to those of the streams. Others of this listener: at level DEBUG");
        }
    }

    private static boolean isNegotiating(ChannelPipeline pipeline) {
        return pipeline.get(ApplicationProtocolNegotiationHandler.class) != null
                || pipeline.get(CleartextHttp2ServerUpgradeHandler.class) != null
                || pipeline.get(HttpServerUpgradeHandler.class) != null;
    }

    private void beginIfPossible(ChannelHandlerContext ctx) {
        Http2ConnectionHandler found = findCodec(ctx);
        DrainEvent drain = event;
        if (begun
                || found == null
                || drain == null
                || drain.isCancelled()
                || !ctx.channel().isActive()) {
            return;
        }
        begun = true;
        found.connection().addListener(new Streams(ctx));
        found.decoder().frameListener(new Frames(ctx, found, found.decoder().frameListener()));
        goOn(ctx, drain);
        tell(ctx, found);
        ping(ctx, found, drain);
    }

    private @Nullable Http2ConnectionHandler findCodec(ChannelHandlerContext ctx) {
        if (codec == null) {
            codec = ctx.pipeline().get(Http2ConnectionHandler.class);
            if (codec != null && ctx.pipeline().get(HttpDrainHandler.class) != null) {
                // It would take streams for requests of HTTP/1.1, and ignore all but the first.
                ctx.pipeline().remove(HttpDrainHandler.class);
            }
        }
        return codec;
    }

    private void goOn(ChannelHandlerContext ctx, DrainEvent drain) {
        drain.protocol(ctx.channel(), "h2");
        if (told) {
            drain.notified(ctx.channel());
        }
        noteIdle(ctx);
    }

    /** Unless the application has said a GOAWAY of its own. */
    private void tell(ChannelHandlerContext ctx, Http2ConnectionHandler to) {
        if (to.connection().goAwaySent()) {
            told(ctx);
            return;
        }
        ChannelHandlerContext from = ctx.pipeline().context(to);
        ChannelFuture written = to.goAway(
                from, Integer.MAX_VALUE, Http2Error.NO_ERROR.code(), Unpooled.EMPTY_BUFFER, from.newPromise());
        written.addListener(done -> {
            if (done.isSuccess()) {
                told(ctx);
            }
        });
    }

    private void told(ChannelHandlerContext ctx) {
        told = true;
        if (event != null) {
            event.notified(ctx.channel());
        }
    }

    private void ping(ChannelHandlerContext ctx, Http2ConnectionHandler to, DrainEvent drain) {
        ChannelHandlerContext from = ctx.pipeline().context(to);
        if (from == null) {
            return; // the GOAWAY could not be written, and the connection is closed
        }
        to.encoder().writePing(from, false, PING, from.newPromise());
        from.flush();
        Timers.after(ctx, drain.atMostHalf(pingLimit), () -> closeForStreams(ctx, to));
    }

    private void answered(ChannelHandlerContext ctx, Http2ConnectionHandler by) {
        if (event == null || grace.isZero()) {
            closeForStreams(ctx, by);
        } else {
            Timers.after(ctx, event.atMostHalf(grace), () -> closeForStreams(ctx, by));
        }
    }

    /**
     * The client has heard that it shall open no more streams: those that it has opened are all. The codec is
     * not told of this GOAWAY. It would refuse later streams itself, but take the frames that follow on them
     * for an error of the whole connection.
     */
    private void closeForStreams(ChannelHandlerContext ctx, Http2ConnectionHandler codec) {
        ChannelHandlerContext from = ctx.pipeline().context(codec);
        if (closed || from == null || !ctx.channel().isActive()) {
            return;
        }
        closed = true;
        Http2Connection.Endpoint<?> client = codec.connection().remote();
        last = Math.min(client.lastStreamCreated(), client.lastStreamKnownByPeer());
        codec.encoder()
                .frameWriter()
                .writeGoAway(from, last, Http2Error.NO_ERROR.code(), Unpooled.EMPTY_BUFFER, from.newPromise());
        from.flush();
        endIfIdle(ctx);
    }

    private void endIfIdle(ChannelHandlerContext ctx) {
        if (closed && !ending && isIdle() && ctx.channel().isActive()) {
            ending = true;
            // Not at once: the codec may be in the middle of what was read, and answer that.
            ctx.executor().execute(() -> end(ctx));
        }
    }

    private void end(ChannelHandlerContext ctx) {
        requireNonNull(event).end(ctx, ctx.write(Unpooled.EMPTY_BUFFER));
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

    /** Hears the answer to the PING, and refuses the streams that come too late. */
    private final class Frames extends Http2FrameListenerDecorator {
        private final ChannelHandlerContext own;
        private final Http2ConnectionHandler codec;

        Frames(ChannelHandlerContext own, Http2ConnectionHandler codec, Http2FrameListener next) {
            super(next);
            this.own = own;
            this.codec = codec;
        }

        @Override
        public void onPingAckRead(ChannelHandlerContext ctx, long data) throws Http2Exception {
            if (data == PING) {
                answered(own, codec);
            } else {
                super.onPingAckRead(ctx, data);
            }
        }

        @Override
        public void onHeadersRead(
                ChannelHandlerContext ctx,
                int stream,
                Http2Headers headers,
                int dependency,
                short weight,
                boolean exclusive,
                int padding,
                boolean end)
                throws Http2Exception {
            if (stream > last) {
                codec.resetStream(ctx, stream, Http2Error.REFUSED_STREAM.code(), ctx.newPromise());
            } else {
                super.onHeadersRead(ctx, stream, headers, dependency, weight, exclusive, padding, end);
            }
        }
    }
}
