package io.tableflip.it;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.tableflip.core.DrainReport;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import io.tableflip.core.Participant;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/** A channel that a program passes on by hand, with nothing but the public classes of core and of Netty. */
final class PassedChannel implements Participant {
    private static final int BACKLOG = 128;

    private final UnixChannel channel;
    private final ChannelGroup connections;

    private PassedChannel(UnixChannel channel, ChannelGroup connections) {
        this.channel = channel;
        this.connections = connections;
    }

    /** A Unix stream listener. */
    static PassedChannel unix(Fds fds, EventLoopGroup group, Path path) throws Exception {
        FdName name = FdName.listener("unix", path.toString());
        Optional<Fd> inherited = fds.inherit(name);
        // A path that Netty itself has bound would be removed when the channel is closed, though the child has it by
        // then.
        int fd = inherited.isPresent() ? adopted(inherited.get()) : bound(path);
        ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(group)
                .channelFactory(() -> new EpollServerDomainSocketChannel(fd, true))
                .option(ChannelOption.AUTO_READ, false)
                .handler(counting(connections))
                .childHandler(new PeerAnswers.Lines(null));
        return added(fds, name, bootstrap.register().sync().channel(), connections);
    }

    /** A UDP socket. */
    static PassedChannel udp(Fds fds, EventLoopGroup group, InetSocketAddress address) throws Exception {
        FdName name = FdName.packet("udp", address.getAddress().getHostAddress() + ":" + address.getPort());
        Optional<Fd> inherited = fds.inherit(name);
        Bootstrap bootstrap = new Bootstrap()
                .group(group)
                .option(ChannelOption.AUTO_READ, false)
                .handler(new PeerAnswers.Datagrams());
        Channel channel;
        if (inherited.isPresent()) {
            int fd = adopted(inherited.get());
            channel = bootstrap
                    .channelFactory(() -> new EpollDatagramChannel(fd))
                    .register()
                    .sync()
                    .channel();
        } else {
            channel = bootstrap
                    .channel(EpollDatagramChannel.class)
                    .bind(address)
                    .sync()
                    .channel();
        }
        return added(fds, name, channel, new DefaultChannelGroup(GlobalEventExecutor.INSTANCE));
    }

    /** What comes from Go is in blocking mode: Go puts every descriptor there that it passes on. */
    private static int adopted(Fd fd) throws IOException {
        fd.setNonBlocking();
        return fd.release();
    }

    private static int bound(Path path) throws IOException {
        Socket socket = Socket.newSocketDomain();
        socket.bind(new DomainSocketAddress(path.toFile()));
        socket.listen(BACKLOG);
        return socket.intValue();
    }

    private static PassedChannel added(Fds fds, FdName name, Channel channel, ChannelGroup connections) {
        PassedChannel passed = new PassedChannel((UnixChannel) channel, connections);
        fds.add(name, passed::lend);
        return passed;
    }

    private static ChannelHandler counting(ChannelGroup connections) {
        return new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object accepted) {
                connections.add((Channel) accepted);
                context.fireChannelRead(accepted);
            }
        };
    }

    SocketAddress localAddress() {
        return channel.localAddress();
    }

    private CompletionStage<?> lend(IntConsumer use) {
        return onLoop(() -> {
            if (channel.isOpen()) {
                use.accept(channel.fd().intValue());
            }
            return CompletableFuture.completedFuture(null);
        });
    }

    @Override
    public CompletionStage<?> pause() {
        return onLoop(() -> CompletableFuture.completedFuture(channel.config().setAutoRead(false)));
    }

    @Override
    public CompletionStage<?> resume() {
        return onLoop(() -> CompletableFuture.completedFuture(channel.config().setAutoRead(true)));
    }

    /** On the loop, so after the pause: then all that were accepted are known. */
    @Override
    public CompletionStage<DrainReport> drain(Duration timeout) {
        return onLoop(() -> {
            CompletableFuture<DrainReport> drained = new CompletableFuture<>();
            connections.newCloseFuture().addListener(closed -> drained.complete(DrainReport.NOTHING));
            return drained;
        });
    }

    @Override
    public CompletionStage<?> release() {
        return onLoop(() -> CompletableFuture.completedFuture(channel.close()));
    }

    private <T> CompletableFuture<T> onLoop(Supplier<CompletableFuture<T>> task) {
        return CompletableFuture.supplyAsync(task, channel.eventLoop()).thenCompose(stage -> stage);
    }
}
