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
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Warms up what the in-process connections of a {@link ReplayWarmUp} leave cold: how a socket is accepted, read, written and closed. It connects to a
 * listener of its own on the loopback address, on the event loops of the server, and sends a few bytes there and back; none of the user's handlers
 * is involved.
 */
final class ReplayTransport {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final int CONNECTIONS = 50;
    private static final int EXCHANGES = 2;

    private final ServerBootstrapConfig config;
    private final EventLoopGroup loops;
    private final double effort;
    private final long deadline;

    private ReplayTransport(ServerBootstrapConfig config, EventLoopGroup loops, double effort, Duration limit) {
        this.config = config;
        this.loops = loops;
        this.effort = effort;
        deadline = System.nanoTime() + limit.toNanos();
    }

    /**
     * Does nothing if the server has no event loops of epoll. What fails here fails alone, and is told at level DEBUG.
     *
     * @param effort which share of the time a connection is under way
     * @param limit for all of it
     * @throws InterruptedException if the thread is interrupted
     */
    static void warmUp(ServerBootstrap bootstrap, double effort, Duration limit) throws InterruptedException {
        ServerBootstrapConfig config = bootstrap.config();
        EventLoopGroup boss = config.group();
        EventLoopGroup children = config.childGroup() == null ? boss : config.childGroup();
        if (boss == null || children == null || !EpollLoops.areEpoll(boss) || !EpollLoops.areEpoll(children)) {
            return;
        }
        try {
            new ReplayTransport(config, children, effort, limit).run(boss);
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the transport is not warmed up", e);
        }
    }

    private void run(EventLoopGroup boss) throws IOException, InterruptedException {
        ChannelFuture bound = new ServerBootstrap()
                .group(boss, loops)
                .channel(EpollServerSocketChannel.class)
                .handler(new Accepting())
                .childHandler(new Echo())
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        Channel listener = await(bound);
        try {
            Bootstrap client = new Bootstrap()
                    .group(loops)
                    .channel(EpollSocketChannel.class)
                    .handler(new Asking())
                    .remoteAddress(listener.localAddress());
            for (int i = 0; i < CONNECTIONS && left() > 0; i++) {
                long began = System.nanoTime();
                exchange(client);
                ReplayWarmUp.rest(System.nanoTime() - began, effort);
            }
        } finally {
            listener.close();
        }
    }

    /** One connection, from end to end. */
    private void exchange(Bootstrap client) throws IOException, InterruptedException {
        Channel connection = await(client.connect());
        if (!connection.closeFuture().await(left(), TimeUnit.NANOSECONDS)) {
            connection.close();
        }
    }

    private Channel await(ChannelFuture opened) throws IOException, InterruptedException {
        if (Thread.interrupted()) { // a wait without time left does not look at that
            opened.addListener(done -> opened.channel().close());
            throw new InterruptedException();
        }
        if (!opened.await(left(), TimeUnit.NANOSECONDS)) {
            opened.addListener(done -> opened.channel().close());
            throw new IOException("not in time");
        }
        if (!opened.isSuccess()) {
            throw new IOException(opened.cause());
        }
        return opened.channel();
    }

    private long left() {
        return Math.max(0, deadline - System.nanoTime());
    }

    /** As a listener and its acceptor do it. */
    @Sharable
    private final class Accepting extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            Channel accepted = (Channel) message;
            new Child(accepted, Drain.HANDLERS).gone().thenRun(() -> {}); // a listener waits for its end, too
            config.childOptions().forEach((option, value) -> ReplayConnection.set(accepted, option, value));
            ctx.fireChannelRead(accepted);
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
        public boolean isSharable() {
            return true; // one connection comes after the other
        }

        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            answers = 0;
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
