package io.tableflip.netty.transfer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.ByteToMessageDecoder;
import org.jspecify.annotations.Nullable;

/**
 * Stops the reading of a connection and resumes it, and holds the bytes that arrive nevertheless: Netty reads
 * everything when the client closes its side, whoever swallows {@code read()}. On the event loop.
 */
final class Valve {
    private boolean closed;
    /** The user, who reads by hand, has asked for more. */
    private boolean wanted;
    /** Such a read was passed on, and has brought nothing yet. */
    private boolean outstanding;
    /** The user leaves it to Netty to close the channel when the client closes its side. */
    private boolean closesAtEnd;

    private boolean endSwallowed;
    private @Nullable ByteBuf held;

    /** Before anything can have been read. */
    void startClosed() {
        closed = true;
    }

    /**
     * Stops the reading, as {@code Gate} does for listeners: AUTO_READ going off takes the socket off epoll.
     */
    void close(ChannelHandlerContext ctx) {
        closed = true;
        ChannelConfig config = ctx.channel().config();
        boolean autoRead = config.isAutoRead();
        boolean expected = outstanding;
        outstanding = false;
        if (autoRead || expected) {
            config.setAutoRead(!autoRead);
            config.setAutoRead(autoRead);
        }
        wanted = expected && !autoRead;
        keepOpenAtEnd(ctx);
    }

    /**
     * While nothing is passed on, a client that closes its side must not make Netty close the channel: what
     * the client had sent before would be lost.
     */
    void keepOpenAtEnd(ChannelHandlerContext ctx) {
        closesAtEnd = Boolean.FALSE.equals(ctx.channel().config().getOption(ChannelOption.ALLOW_HALF_CLOSURE));
        if (closesAtEnd) {
            ctx.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        }
    }

    void open(ChannelHandlerContext ctx) {
        closed = false;
        if (closesAtEnd) {
            ctx.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
        }
    }

    boolean isClosed() {
        return closed;
    }

    /** What is read is not to be passed on now. */
    boolean holds() {
        return closed || held != null;
    }

    /** The user's {@code read()}, or that of AUTO_READ. */
    void read(ChannelHandlerContext ctx) {
        boolean byHand = !ctx.channel().config().isAutoRead();
        if (holds()) {
            wanted |= byHand;
        } else {
            outstanding = byHand;
            wanted = false;
            ctx.read();
        }
    }

    void received() {
        outstanding = false;
    }

    boolean isWanted(ChannelHandlerContext ctx) {
        return wanted || ctx.channel().config().isAutoRead();
    }

    /** Takes over the buffer. */
    void hold(ChannelHandlerContext ctx, ByteBuf bytes) {
        held = join(ctx, held, bytes);
    }

    /** Holds bytes that were read before those that are held already. Takes over the buffer. */
    void holdBefore(ChannelHandlerContext ctx, ByteBuf bytes) {
        ByteBuf later = held;
        held = later == null ? bytes : join(ctx, bytes, later);
    }

    /** One buffer of both, which it takes over. */
    static ByteBuf join(ChannelHandlerContext ctx, @Nullable ByteBuf first, ByteBuf second) {
        return ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(
                ctx.alloc(), first == null ? Unpooled.EMPTY_BUFFER : first, second);
    }

    /** What is held; stays here. */
    @Nullable
    ByteBuf held() {
        return held;
    }

    /** What is held, for the caller to pass on, which the user has asked for. */
    @Nullable
    ByteBuf take() {
        ByteBuf all = held;
        held = null;
        if (all != null) {
            wanted = false;
        }
        return all;
    }

    /** The client has closed its side; tells whether nobody is to hear of it now. */
    boolean swallowsEnd() {
        endSwallowed |= holds();
        return holds();
    }

    /** The client has closed its side, and nobody else knows. */
    boolean hasSwallowedEnd() {
        return endSwallowed;
    }

    /** The same, for the caller to tell it. */
    boolean takeEnd() {
        boolean taken = endSwallowed;
        endSwallowed = false;
        return taken;
    }

    /** Whether Netty would have closed the channel. */
    boolean closesAtEnd() {
        return closesAtEnd;
    }

    void release() {
        ByteBuf all = take();
        if (all != null) {
            all.release();
        }
    }
}
