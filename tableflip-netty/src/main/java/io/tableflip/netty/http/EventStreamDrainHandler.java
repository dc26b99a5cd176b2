package io.tableflip.netty.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.netty.DrainEvent;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Ends a stream of server-sent events when a {@link DrainEvent} arrives, after its current event: a client
 * ({@code EventSource}) connects anew by itself, and says which event it had last. Its place in the pipeline
 * is behind {@link HttpDrainHandler}, and behind what compresses; each connection needs a new one.
 *
 * <p>A stream is a response of the type {@code text/event-stream} whose length is not given. Between two
 * events, that is after an empty line, a comment or a {@code retry}, it gets the end that its encoding has,
 * and the connection is closed, first for sending only. An event is not cut. If a write has such a place in
 * the middle, what is before the last one is sent, and the rest is discarded: that write, and all later ones,
 * fail with {@link ClosedChannelException}. An application that closes the connection then does not cut what
 * is on its way.
 *
 * <p>A stream that has sent nothing yet, because it was asked for in the drain for example, is given a second
 * for its first events, or what is often first: a {@code retry}. Without any it ends then.
 *
 * <p>Requests that a client has pipelined behind a stream are not answered: it finds the connection closed,
 * and may send them anew if they can be repeated. Browsers pipeline none. Those that come after the end do
 * not reach the application.
 */
public final class EventStreamDrainHandler extends ChannelDuplexHandler {
    /** For the beginning of a stream. */
    private static final Duration BEGINNING_LIMIT = Duration.ofSeconds(1);

    private @Nullable DrainEvent event;
    /** Of the stream that is being sent. */
    private @Nullable EventStreamBoundaries stream;
    /** A stream has got its end, and the application does not know. */
    private boolean ended;
    /** A request came after that. */
    private boolean ignoring;

    /** For one connection. */
    public EventStreamDrainHandler() {}

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (ctx.pipeline().get(EventStreamDrainHandler.class) != this) {
            throw new IllegalStateException("the pipeline has an EventStreamDrainHandler already: one is enough");
        }
        DrainEvent.of(ctx.channel()).ifPresent(current -> event = current);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        if (evt instanceof DrainEvent drain) {
            event = drain;
            endSoon(ctx);
        }
        ctx.fireUserEventTriggered(evt);
    }

    private boolean isDraining() {
        return event != null && !event.isCancelled();
    }

    /** At once if the stream is between two events, and later if it has not begun. */
    private void endSoon(ChannelHandlerContext ctx) {
        EventStreamBoundaries current = stream;
        DrainEvent drain = event;
        if (current == null || drain == null || !isDraining()) {
            return;
        }
        if (current.hasBegun()) {
            endIfBetweenEvents(ctx, current);
        } else {
            Timers.after(ctx, drain.atMostHalf(BEGINNING_LIMIT), () -> endIfBetweenEvents(ctx, current));
        }
    }

    private void endIfBetweenEvents(ChannelHandlerContext ctx, EventStreamBoundaries which) {
        if (which == stream && which.isHere() && isDraining()) {
            end(ctx);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        ignoring |= ended && msg instanceof HttpRequest;
        if (ignoring) {
            ReferenceCountUtil.release(msg);
        } else {
            ctx.fireChannelRead(msg);
        }
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        if (ended) {
            discard(msg, promise);
        } else if (msg instanceof HttpResponse response) {
            stream = isStream(response) ? new EventStreamBoundaries() : null;
            ctx.write(msg, promise);
            endSoon(ctx);
        } else if (stream == null || msg instanceof LastHttpContent) {
            stream = null;
            ctx.write(msg, promise);
        } else {
            writePart(ctx, stream, msg, promise);
        }
    }

    private static void discard(Object msg, ChannelPromise promise) {
        ReferenceCountUtil.release(msg);
        promise.tryFailure(new ClosedChannelException());
    }

    private static boolean isStream(HttpResponse response) {
        String type = response.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
        return type.toLowerCase(Locale.ROOT).startsWith("text/event-stream")
                && !response.headers().contains(HttpHeaderNames.CONTENT_LENGTH)
                && !(response instanceof LastHttpContent);
    }

    private void writePart(
            ChannelHandlerContext ctx, EventStreamBoundaries current, Object msg, ChannelPromise promise) {
        ByteBuf bytes = bytesOf(msg);
        int boundary = bytes == null ? -1 : current.add(bytes);
        // at once: what is written in a callback of a write comes behind the end
        ended = boundary >= 0 && isDraining();
        if (ended && bytes != null && boundary < bytes.writerIndex()) {
            ByteBuf whole = bytes.retainedSlice(bytes.readerIndex(), boundary - bytes.readerIndex());
            ctx.write(msg instanceof ByteBufHolder holder ? holder.replace(whole) : whole);
            discard(msg, promise);
        } else {
            ctx.write(msg, promise);
        }
        if (ended) {
            end(ctx);
        }
    }

    private static @Nullable ByteBuf bytesOf(Object msg) {
        if (msg instanceof ByteBufHolder holder) {
            return holder.content();
        }
        return msg instanceof ByteBuf bytes ? bytes : null;
    }

    private void end(ChannelHandlerContext ctx) {
        DrainEvent drain = event;
        if (drain == null) {
            return;
        }
        stream = null;
        ended = true;
        drain.protocol(ctx.channel(), "event-stream");
        drain.notified(ctx.channel());
        drain.end(ctx, ctx.write(LastHttpContent.EMPTY_LAST_CONTENT));
    }
}
