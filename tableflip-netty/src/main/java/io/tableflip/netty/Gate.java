package io.tableflip.netty;

import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.net.SocketAddress;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The first handler of a channel that is passed on: nothing is accepted or read while it is closed, as it is at first.
 *
 * <p>An epoll channel accepts only after a {@code read()} has come through its pipeline. Swallowing that is gate and pause in one,
 * and it closes the race in which a channel that is active when it is registered accepts before Netty's acceptor is in the
 * pipeline: those connections would hang for ever. It also stands when the acceptor, which switches AUTO_READ off after an
 * accept error, switches it on again a second later.
 *
 * <p>Everything here happens on the event loop of the channel, except the constructor.
 */
final class Gate extends ChannelDuplexHandler {
    private final Bound bound;
    private final BiConsumer<ChannelHandlerContext, Object> received;
    private boolean open;
    /** A read() was swallowed: to be issued when the gate opens. */
    private boolean wanted;
    /** A read() was let through and has brought no connection yet. */
    private boolean outstanding;

    private @Nullable ChannelHandlerContext ctx;

    private long lastWrite = System.nanoTime();

    Gate(Bound bound) {
        this(bound, bound::received);
    }

    /** @param received gets what is read, instead of the handlers behind the gate */
    Gate(Bound bound, BiConsumer<ChannelHandlerContext, Object> received) {
        this.bound = bound;
        this.received = received;
    }

    /** A channel that was told to run before it was registered is not told again. Whoever runs it sees either that or the registration, which came first. */
    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        open |= bound.isRunning();
    }

    void open() {
        open = true;
        if (wanted && ctx != null) {
            wanted = false;
            read(ctx);
        }
    }

    /** Of a channel that was read before it had a gate. If its user reads by hand, nobody can tell here whether a read() waits for something. */
    void openLate() {
        outstanding = true;
        open();
    }

    void close() {
        if (!open || ctx == null) {
            return;
        }
        open = false;
        ChannelConfig config = ctx.channel().config();
        // The channel may be waiting for connections already. What takes it off epoll, and only on the loop, is
        // AUTO_READ going
        // from true to false; the user's setting is put back at once, and the read() that this issues ends here.
        boolean autoRead = config.isAutoRead();
        boolean expected = autoRead || outstanding;
        config.setAutoRead(!autoRead);
        config.setAutoRead(autoRead);
        if (!autoRead) {
            wanted = expected;
        }
        outstanding = false;
    }

    @Override
    public void read(ChannelHandlerContext context) {
        if (open) {
            outstanding = true;
            context.read();
        } else {
            wanted = true;
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        outstanding = false;
        received.accept(context, message);
    }

    /** As if it had been read from this channel. */
    void pass(Object message) {
        if (ctx != null) {
            received.accept(ctx, message);
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        written();
        context.write(message, promise);
    }

    void written() {
        lastWrite = System.nanoTime();
    }

    /** Nanoseconds. */
    long sinceWrite() {
        return System.nanoTime() - lastWrite;
    }

    @Override
    public void bind(ChannelHandlerContext context, SocketAddress address, ChannelPromise promise) {
        bound.bind(context, address, promise);
    }

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        // Not only when it is closed: who waits for the close and binds again must find the name free.
        bound.forget();
        context.close(promise);
    }
}
