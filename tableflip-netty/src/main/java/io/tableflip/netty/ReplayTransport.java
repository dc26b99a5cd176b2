package io.tableflip.netty;

import static java.lang.System.Logger.Level.DEBUG;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.bootstrap.ServerBootstrapConfig;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Warms up what the in-process connections of a {@link ReplayWarmUp} leave cold: how a socket is accepted, read, written and closed. It connects to a
 * listener of its own on the loopback address, on the event loops of the server, and sends a few bytes there and back; none of the user's handlers
 * is involved. What fails here fails alone, and is told at level DEBUG. For one thread.
 *
 * <p>Its connections are to come between those of the replay: code that has only seen the one kind for a while is compiled for that, and anew when the other one comes.
 */
final class ReplayTransport implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final int EXCHANGES = 2;
    /** Child options that change what a handler has to do, which is the user's to know: nobody here would read, or close. */
    private static final Set<ChannelOption<?>> NOT_HERE =
            Set.of(ChannelOption.AUTO_READ, ChannelOption.ALLOW_HALF_CLOSURE);

    private final ServerBootstrapConfig config;
    private final Duration patience;
    private final Set<Channel> accepted = ConcurrentHashMap.newKeySet();
    /** {@code null} if there is nothing to warm up, or if it has failed. */
    private @Nullable Channel listener;

    private ReplayTransport(ServerBootstrapConfig config, Duration patience) {
        this.config = config;
        this.patience = patience;
    }

    /**
     * One that does nothing if the server has no event loops of epoll.
     *
     * @param patience with each connection, before it is given up
     * @throws InterruptedException if the thread is interrupted
     */
    static ReplayTransport open(ServerBootstrap bootstrap, Duration patience) throws InterruptedException {
        ServerBootstrapConfig config = bootstrap.config();
        EventLoopGroup boss = config.group();
        EventLoopGroup children = config.childGroup() == null ? boss : config.childGroup();
        ReplayTransport transport = new ReplayTransport(config, patience);
        if (boss != null && children != null && EpollLoops.areEpoll(boss) && EpollLoops.areEpoll(children)) {
            transport.listen(boss, children);
        }
        return transport;
    }

    private void listen(EventLoopGroup boss, EventLoopGroup children) throws InterruptedException {
        try {
            listener = await(new ServerBootstrap()
                    .group(boss, children)
                    .channel(EpollServerSocketChannel.class)
                    .handler(new Accepting())
                    .childHandler(new Echo())
                    .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the transport is not warmed up", e);
        }
    }

    /**
     * Makes one connection, from end to end.
     *
     * @throws InterruptedException if the thread is interrupted
     */
    void exchange() throws InterruptedException {
        SocketAddress address = address();
        if (address == null) {
            return;
        }
        EventLoopGroup children = config.childGroup() == null ? config.group() : config.childGroup();
        try {
            exchange(new Bootstrap()
                    .group(children)
                    .channel(EpollSocketChannel.class)
                    .handler(new Asking())
                    .connect(address));
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the transport is not warmed up any further", e);
            close();
        }
    }

    /** {@code null} if it does not listen. */
    @Nullable
    SocketAddress address() {
        return listener == null ? null : listener.localAddress();
    }

    private void exchange(ChannelFuture connect) throws IOException, InterruptedException {
        Channel connection = await(connect);
        try {
            if (!connection.closeFuture().await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new IOException("no answer in time");
            }
        } finally {
            connection.close();
        }
    }

    private Channel await(ChannelFuture opened) throws IOException, InterruptedException {
        boolean open = false;
        try {
            if (Thread.interrupted()) { // a wait for what is done already does not look at that
                throw new InterruptedException();
            }
            if (!opened.await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new IOException("not in time");
            }
            if (!opened.isSuccess()) {
                throw new IOException(opened.cause());
            }
            open = true;
            return opened.channel();
        } finally {
            if (!open) {
                opened.addListener(done -> {
                    if (done.isSuccess()) { // what cannot be opened Netty has closed
                        opened.channel().close();
                    }
                });
            }
        }
    }

    /** Closes all of its sockets, in a while; also connections of strangers, who may have found the listener. */
    @Override
    public void close() {
        if (listener != null) {
            listener.close().addListener(closed -> accepted.forEach(ReplayTransport::close));
            listener = null;
        }
    }

    private static void close(Channel child) {
        if (child.isRegistered()) {
            child.close();
        } else {
            child.unsafe().closeForcibly();
        }
    }

    /** As a listener and its acceptor do it. */
    @Sharable
    private final class Accepting extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            Channel child = (Channel) message;
            // a listener waits for its end, too
            new Child(child, Drain.HANDLERS).gone().thenRun(() -> accepted.remove(child));
            config.childOptions().forEach((option, value) -> set(child, option, value));
            ctx.fireChannelRead(child);
            accepted.add(child);
            if (!child.isOpen()) {
                accepted.remove(child); // the acceptor could not register it
            }
        }

        /** One that is refused here is refused, and told, for real connections as well. */
        private void set(Channel child, ChannelOption<?> option, Object value) {
            if (NOT_HERE.contains(option)) {
                return;
            }
            try {
                ReplayConnection.set(child, option, value);
            } catch (RuntimeException e) {
                LOG.log(DEBUG, "a connection of the warm-up without " + option, e);
            }
        }
    }

    @Sharable
    private static final class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            ctx.writeAndFlush(message);
        }
    }

    /** Sends a byte for each that comes back, and closes when there were enough. */
    private static final class Asking extends ChannelInboundHandlerAdapter {
        private int answers;

        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            ask(ctx);
        }

        private static void ask(ChannelHandlerContext ctx) {
            ctx.writeAndFlush(Unpooled.wrappedBuffer(new byte[1]));
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            ReferenceCountUtil.release(message);
            if (++answers < EXCHANGES) {
                ask(ctx);
            } else {
                ctx.close();
            }
        }
    }
}
