package io.tableflip.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.nio.channels.ClosedChannelException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Ends a stream of server-sent events when a {@link DrainEvent} arrives, after its current event: a client ({@code EventSource})
 * connects anew by itself, and says which event it had last. Its place in the pipeline is behind {@link HttpDrainHandler}, and behind what
 * compresses; each connection needs a new one.
 *
 * <p>A stream is a response of the type {@code text/event-stream}. Between two events, that is after an empty line, it gets the end that its encoding
 * has, and the connection is closed, first for sending only. What the application writes to it after that fails with {@link
 * ClosedChannelException}. A stream that is asked for while the connection drains ends before its first event. Requests that a client has pipelined
 * behind a stream are not answered; none does that.
 */
public final class EventStreamDrainHandler extends ChannelDuplexHandler {
    private @Nullable DrainEvent event;
    private boolean streaming;
    /** The stream has got its end, and the application does not know. */
    private boolean ended;
    /** The last characters of the stream: whether they are the end of an event. */
    private final Tail tail = new Tail();

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
            endIfBetweenEvents(ctx);
        }
        ctx.fireUserEventTriggered(evt);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        if (msg instanceof HttpResponse response) {
            ended = false;
            streaming = isStream(response) && !(msg instanceof LastHttpContent);
            tail.clear();
        } else if (ended) {
            ReferenceCountUtil.release(msg);
            promise.tryFailure(new ClosedChannelException());
            return;
        } else if (streaming) {
            add(msg);
        }
        ctx.write(msg, promise);
        endIfBetweenEvents(ctx);
    }

    private static boolean isStream(HttpResponse response) {
        String type = response.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
        return type.toLowerCase(Locale.ROOT).startsWith("text/event-stream");
    }

    private void add(Object msg) {
        if (msg instanceof HttpContent content) {
            tail.add(content.content());
        } else if (msg instanceof ByteBuf bytes) {
            tail.add(bytes);
        }
        streaming = !(msg instanceof LastHttpContent);
    }

    private void endIfBetweenEvents(ChannelHandlerContext ctx) {
        DrainEvent drain = event;
        if (drain == null || drain.isCancelled() || !streaming || !tail.isBetweenEvents()) {
            return;
        }
        streaming = false;
        ended = true;
        drain.protocol(ctx.channel(), "event-stream");
        drain.told(ctx.channel());
        // only when it is on its way: a slow client may have much before it
        ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT).addListener(written -> {
            if (written.isSuccess()) {
                drain.finished(ctx.channel());
                SendingSide.closeFor(ctx, SendingSide.CLOSE_LIMIT);
            }
        });
    }

    /** An event ends with an empty line; lines end with CR, LF or both. */
    private static final class Tail {
        private static final int BEGINNING = 0;
        private static final int IN_LINE = 1;
        private static final int LINE_END = 2;
        private static final int BETWEEN = 3;

        private int state = BEGINNING;
        private boolean afterCr;

        void clear() {
            state = BEGINNING;
            afterCr = false;
        }

        void add(ByteBuf bytes) {
            for (int i = bytes.readerIndex(); i < bytes.writerIndex(); i++) {
                add(bytes.getByte(i));
            }
        }

        private void add(byte b) {
            boolean sameEnd = afterCr && b == '\n';
            afterCr = b == '\r';
            if (sameEnd) {
                return; // the second half of the line end that was counted
            }
            if (b != '\n' && b != '\r') {
                state = IN_LINE;
            } else {
                state = state == IN_LINE ? LINE_END : BETWEEN;
            }
        }

        boolean isBetweenEvents() {
            return state == BEGINNING || state == BETWEEN;
        }
    }
}
