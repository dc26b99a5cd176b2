package io.tableflip.netty.warmup;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.bootstrap.ServerBootstrapConfig;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.AttributeKey;
import io.tableflip.netty.channel.EpollLoops;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * The listener of a warm-up: a copy of the server's on a free port of the loopback address, for the
 * connections of this process only.
 */
final class LoopbackListener implements AutoCloseable {
    private final EventLoopGroup connections;
    private final boolean epoll;
    private final Channel channel;
    private final Guard guard;

    private LoopbackListener(EventLoopGroup connections, boolean epoll, Channel channel, Guard guard) {
        this.connections = connections;
        this.epoll = epoll;
        this.channel = channel;
        this.guard = guard;
    }

    /** @param mark is set on accepted connections */
    static LoopbackListener open(ServerBootstrap bootstrap, AttributeKey<Boolean> mark, Duration timeout)
            throws IOException, InterruptedException {
        ServerBootstrapConfig config = bootstrap.config();
        EventLoopGroup acceptors = config.group();
        ChannelHandler handler = config.childHandler();
        if (acceptors == null || handler == null) {
            throw new IOException(
                    "the bootstrap has no group(..) or no childHandler(..), so there is nothing to warm up");
        }
        EventLoopGroup connections = config.childGroup() == null ? acceptors : config.childGroup();
        boolean epoll = EpollLoops.areEpoll(connections);
        Guard guard = new Guard();
        // not a clone, which would keep a channel factory of the server
        ServerBootstrap copy = new ServerBootstrap()
                .group(acceptors, connections)
                .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
                .handler(guard)
                .childHandler(handler);
        config.childOptions().forEach((option, value) -> childOption(copy, option, value));
        config.childAttrs().forEach((key, value) -> childAttr(copy, key, value));
        ChannelFuture bound = copy.childAttr(mark, true).bind(anyPort());
        return new LoopbackListener(connections, epoll, await(bound, timeout), guard);
    }

    @SuppressWarnings("unchecked") // a bootstrap has taken no value of another type
    private static <T> void childOption(ServerBootstrap bootstrap, ChannelOption<T> option, Object value) {
        bootstrap.childOption(option, (T) value);
    }

    @SuppressWarnings("unchecked") // a bootstrap has taken no value of another type
    private static <T> void childAttr(ServerBootstrap bootstrap, AttributeKey<T> key, Object value) {
        bootstrap.childAttr(key, (T) value);
    }

    private static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    /**
     * Makes a connection to this listener.
     *
     * @param client the bootstrap of the client, with a handler
     */
    Channel connect(Bootstrap client, Duration timeout) throws IOException, InterruptedException {
        ChannelFuture registered = client.group(connections)
                .channel(epoll ? EpollSocketChannel.class : NioSocketChannel.class)
                .register();
        Channel connecting = await(registered, timeout);
        boolean connected = false;
        try {
            // bound before it is connected, so that the listener knows which port to expect
            await(connecting.bind(anyPort()), timeout);
            guard.expect(connecting);
            await(connecting.connect(channel.localAddress()), timeout);
            connected = true;
            return connecting;
        } finally {
            if (!connected) {
                connecting.close();
            }
        }
    }

    static Channel await(ChannelFuture done, Duration timeout) throws IOException, InterruptedException {
        boolean completed = false;
        try {
            completed = done.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } finally {
            if (!completed) { // too late, or interrupted
                done.channel().close();
            }
        }
        if (!completed) {
            throw new IOException("no connection to warm up with within " + timeout);
        }
        if (!done.isSuccess()) {
            throw new IOException(
                    "no connection to warm up with: " + done.cause().getMessage(), done.cause());
        }
        return done.channel();
    }

    /** Also closes the connections: a server may leave them open when the client has closed its end. */
    @Override
    public void close() {
        channel.close();
        guard.accepted.forEach(Channel::close);
    }

    /** Lets the connections of the warm-up through to Netty's acceptor, and closes all others. */
    @Sharable
    private static final class Guard extends ChannelInboundHandlerAdapter {
        private final Set<Integer> expected = ConcurrentHashMap.newKeySet();
        private final Set<Channel> accepted = ConcurrentHashMap.newKeySet();

        void expect(Channel client) {
            int port = ((InetSocketAddress) client.localAddress()).getPort();
            expected.add(port);
            client.closeFuture().addListener(closed -> expected.remove(port));
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof Channel connection
                    && connection.remoteAddress() instanceof InetSocketAddress remote
                    && expected.contains(remote.getPort())) {
                accepted.add(connection);
                connection.closeFuture().addListener(closed -> accepted.remove(connection));
                ctx.fireChannelRead(message);
            } else if (message instanceof Channel stranger) {
                stranger.unsafe().closeForcibly();
            }
        }
    }
}
