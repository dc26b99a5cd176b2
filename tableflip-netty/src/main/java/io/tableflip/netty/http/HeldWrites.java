package io.tableflip.netty.http;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.PendingWriteQueue;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What is written to a connection while it is not known whether it is the last response, in its order. On the
 * event loop.
 *
 * <p>Meanwhile the channel may be half closed: the end of the stream, which may be found at any time, must
 * not close it with a response that was written but not passed on.
 */
final class HeldWrites {
    private final ChannelHandlerContext ctx;
    private final PendingWriteQueue queue;
    /** Netty would have closed the channel at the end of the stream. */
    private final boolean halfOpen;

    private boolean flush;
    private boolean releasing;

    HeldWrites(ChannelHandlerContext ctx) {
        this.ctx = ctx;
        queue = new PendingWriteQueue(ctx);
        halfOpen = Boolean.FALSE.equals(ctx.channel().config().getOption(ChannelOption.ALLOW_HALF_CLOSURE))
                && allowHalfClosure(true);
    }

    private static boolean isInputShutdown(Channel channel) {
        return channel instanceof DuplexChannel duplex && duplex.isInputShutdown();
    }

    void add(Object msg, ChannelPromise promise) {
        queue.add(msg, promise);
    }

    /** To flush them when they are released. */
    void flush() {
        flush = true;
    }

    @Nullable
    Object first() {
        return queue.current();
    }

    boolean isReleasing() {
        return releasing;
    }

    /**
     * No more is held back. A write may call handlers back that write and flush in turn: what is added
     * meanwhile is released too, in its order.
     *
     * @param written is told of each write and whether it ends a response
     */
    void release(BiConsumer<ChannelFuture, Boolean> written) {
        releasing = true;
        while (!queue.isEmpty()) {
            boolean end = queue.current() instanceof LastHttpContent;
            ChannelFuture write = queue.removeAndWrite();
            if (write != null) {
                written.accept(write, end);
            }
        }
    }

    /** After the release. */
    void flushIfAsked() {
        if (flush) {
            ctx.flush();
        }
    }

    /**
     * Sets the option back.
     *
     * @return whether the channel is open only because of it: whoever has held the writes has to close it
     */
    boolean endHalfClosure() {
        if (halfOpen) {
            allowHalfClosure(false);
        }
        return halfOpen && isInputShutdown(ctx.channel());
    }

    private boolean allowHalfClosure(boolean allowed) {
        return ctx.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, allowed);
    }
}
