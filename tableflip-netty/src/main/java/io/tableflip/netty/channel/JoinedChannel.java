package io.tableflip.netty.channel;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.concurrent.TimeUnit.SECONDS;

import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.unix.UnixChannel;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.log.Log;
import io.tableflip.netty.drain.LoopTasks;
import java.net.SocketAddress;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A further channel of a served one: what it accepts or reads goes through the pipeline of the first, whose
 * gate it follows, and with which it is closed.
 *
 * <p>Either its socket is passed on under a name of its own: one of a group that is served by one channel
 * now. Or it is not: the one at the former address of a listener, for clients that know only that address,
 * and for those that the kernel has queued there, until the parent has exited.
 */
final class JoinedChannel implements Gate.Owner, FdSource {
    private static final System.Logger LOG = Log.get();

    private final ServedChannel first;
    private final Channel channel;
    private final @Nullable Reservation reservation;
    private final Gate gate = new Gate(this);
    private final CompletableFuture<Void> closed = new CompletableFuture<>();

    JoinedChannel(ServedChannel first, Channel channel, @Nullable Reservation reservation) {
        this.first = first;
        this.channel = channel;
        this.reservation = reservation;
        channel.pipeline().addFirst("tableflip-gate", gate).addLast(new Forwarder());
        channel.closeFuture().addListener(done -> closed.complete(null));
        if (reservation != null) {
            reservation.use(this);
        }
    }

    /** The name under which it is passed on. */
    Optional<FdName> name() {
        return Optional.ofNullable(reservation).map(Reservation::name);
    }

    /** On the loop of the first one, which this one shares. */
    void begin() {
        ChannelConfig config = first.channel().config(); // the one that its user configures
        channel.config()
                .setAllocator(config.getAllocator())
                .setRecvByteBufAllocator(config.<RecvByteBufAllocator>getRecvByteBufAllocator());
        first.channel().eventLoop().register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                gate.move(first.isRunning());
            } else {
                LOG.log(WARNING, this + " is not served", registered.cause());
                end();
            }
        });
        if (reservation == null) {
            first.upgrader().parentExited().thenRun(() -> {
                LOG.log(INFO, "{0}: the parent has exited, the old address is closed", first);
                end();
            });
        }
    }

    /** On the loop. */
    void move(boolean open) {
        gate.move(open);
    }

    /** The socket is not passed on any more, and its name is free. */
    void forget() {
        if (reservation != null) {
            reservation.close();
        }
    }

    void end() {
        forget();
        if (channel.isRegistered()) {
            channel.close();
        } else {
            channel.unsafe().closeForcibly();
        }
    }

    @Override
    public CompletionStage<?> lend(IntConsumer use) {
        return LoopTasks.onLoopOf(channel, closed, () -> {
            if (channel.isOpen() && channel instanceof UnixChannel unix) {
                use.accept(unix.fd().intValue());
            }
        });
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public boolean isRunning() {
        return first.isRunning();
    }

    @Override
    public void received(ChannelHandlerContext ctx, Object message) {
        first.gate().pass(message);
    }

    @Override
    public void bind(ChannelHandlerContext ctx, SocketAddress requested, ChannelPromise promise) {
        ctx.bind(requested, promise);
    }

    @Override
    public void closing() {
        forget();
    }

    @Override
    public String toString() {
        return name().map(FdName::toString).orElseGet(() -> first + " at its former address");
    }

    /** What else the handlers of the first one wait for. */
    private final class Forwarder extends ChannelInboundHandlerAdapter {
        @Override
        public void channelReadComplete(ChannelHandlerContext ctx) {
            first.gate().inPipeline(ChannelHandlerContext::fireChannelReadComplete);
        }

        /** As Netty's acceptor does it: what cannot be accepted would be tried again and again. */
        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ChannelConfig config = channel.config();
            if (config.isAutoRead()) {
                config.setAutoRead(false);
                channel.eventLoop().schedule(() -> config.setAutoRead(true), 1, SECONDS);
            }
            first.gate().inPipeline(pipeline -> pipeline.fireExceptionCaught(cause));
        }
    }
}
