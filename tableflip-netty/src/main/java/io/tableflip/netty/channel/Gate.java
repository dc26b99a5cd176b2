package io.tableflip.netty.channel;

import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.net.SocketAddress;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The first handler of a channel that is passed on: while it is closed, as it is at first, nothing is
 * accepted or read.
 *
 * <p>An epoll channel accepts only after a {@code read()} has come through its pipeline. Swallowing that read
 * is gate and pause in one. It also closes a race: a channel that is active when it is registered would
 * accept before Netty's acceptor is in the pipeline, and those connections would hang. And it holds when the
 * acceptor, which switches AUTO_READ off after an accept error, switches it on again a second later.
 *
 * <p>Everything here happens on the event loop of the channel, except the constructor.
 */
final class Gate extends ChannelDuplexHandler {
    private final Owner owner;
    private boolean open;
    /** A read() was swallowed: to be issued when the gate opens. */
    private boolean wanted;
    /** A read() was let through and has brought nothing yet. */
    private boolean outstanding;

    private long received;
    private @Nullable ChannelHandlerContext ctx;

    private long lastWrite = System.nanoTime();

    /** Whose gate it is. */
    interface Owner {
        /** Whether the gate is to be open. */
        boolean isRunning();

        /** Something was read: an accepted connection, or a datagram. */
        void received(ChannelHandlerContext ctx, Object message);

        /** The channel is to be bound. */
        void bind(ChannelHandlerContext ctx, SocketAddress requested, ChannelPromise promise);

        /** The channel is about to be closed. */
        void closing();
    }

    Gate(Owner owner) {
        this.owner = owner;
    }

    /**
     * A channel that was told to run before it was registered is not told again. Whoever runs it sees either
     * that or the registration, whichever came first.
     */
    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        open |= owner.isRunning();
    }

    void move(boolean toOpen) {
        if (toOpen) {
            open();
        } else {
            close();
        }
    }

    private void open() {
        open = true;
        if (wanted && ctx != null) {
            wanted = false;
            read(ctx);
        }
    }

    private void close() {
        if (!open || ctx == null) {
            return;
        }
        open = false;
        ChannelConfig config = ctx.channel().config();
        // The channel may be waiting for connections already. What takes it off epoll, and only on the loop,
        // is AUTO_READ going from true to false. The user's setting is put back immediately, and the read()
        // that this issues ends here.
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
        received++;
        owner.received(context, message);
    }

    /** How much was read so far. */
    long received() {
        return received;
    }

    /** As if it had been read from this channel. */
    void pass(Object message) {
        received++;
        inPipeline(context -> owner.received(context, message));
    }

    /** Does this where the gate is in the pipeline, if it is. */
    void inPipeline(Consumer<ChannelHandlerContext> event) {
        if (ctx != null) {
            event.accept(ctx);
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
        owner.bind(context, address, promise);
    }

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        // not only when it is closed: whoever waits for the close and binds again must find the name free
        owner.closing();
        context.close(promise);
    }
}
