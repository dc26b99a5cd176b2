package io.tableflip.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The program of {@link SocketsUpgradeIT}: answers on every kind of socket with its generation and what it was sent. One line for each
 * connection.
 */
final class SocketsServer {
    private static final Duration QUIET = Duration.ofMillis(100);

    private final Upgrader upgrader;
    private final UpgradableServers servers;
    private final EventLoopGroup loops;

    private SocketsServer(Upgrader upgrader, EventLoopGroup loops) {
        this.upgrader = upgrader;
        this.servers = UpgradableServers.of(upgrader);
        this.loops = loops;
    }

    /** Arguments: the directory, a port for the group, an abstract name. */
    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        EventLoopGroup loops = EpollOrNio.eventLoops(2);
        try (Upgrader upgrader = EpollOrNio.upgrader(Upgrader.builder()
                .pidFile(directory.resolve("service.pid"))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .upgradeTimeout(Duration.ofSeconds(60))
                .drainTimeout(Duration.ofSeconds(30)))) {
            new SocketsServer(upgrader, loops).serve(directory, Integer.parseInt(args[1]), args[2]);
        } finally {
            loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    private void serve(Path directory, int groupPort, String name) throws Exception {
        ServerBootstrap lines = new ServerBootstrap().group(loops).childHandler(initializer());
        Channel tcp = servers.bind(lines, new InetSocketAddress("127.0.0.1", 0))
                .sync()
                .channel();
        Channel v6 = servers.bind(lines, new InetSocketAddress("::1", 0)).sync().channel();
        servers.bind(lines, unix(directory, "stream.sock")).sync();
        servers.bind(lines, new DomainSocketAddress("\0" + name)).sync();
        // the number changes from one generation to the next
        int members = 1 + upgrader.generation() % 3;
        for (ChannelFuture member : servers.bindGroup(
                lines,
                BindSpec.of(new InetSocketAddress("127.0.0.1", groupPort)).drain(DrainPolicy.HANDLERS),
                members)) {
            member.sync();
        }
        Bootstrap datagrams = new Bootstrap().group(loops).handler(new Datagrams());
        Channel udp = servers.bind(
                        datagrams,
                        BindSpec.of(new InetSocketAddress("127.0.0.1", 0))
                                .name("udp")
                                .quiet(QUIET))
                .sync()
                .channel();
        servers.bind(
                        datagrams,
                        BindSpec.of(unix(directory, "gram.sock")).name("gram").quiet(QUIET))
                .sync();
        System.out.println("listening on " + PlannedServer.text(tcp.localAddress()) + "; v6 "
                + ((InetSocketAddress) v6.localAddress()).getPort() + "; udp "
                + ((InetSocketAddress) udp.localAddress()).getPort() + ";");
        upgrader.ready();
        upgrader.awaitExit();
    }

    private static DomainSocketAddress unix(Path directory, String name) {
        return new DomainSocketAddress(directory.resolve(name).toString());
    }

    private ChannelHandler initializer() {
        return new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                PeerAnswers.addLineCodec(channel.pipeline());
                channel.pipeline().addLast(new Lines());
            }
        };
    }

    private String answer(String line) {
        return upgrader.generation() + " " + line;
    }

    private final class Lines extends SimpleChannelInboundHandler<String> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, String line) {
            ctx.writeAndFlush(answer(line) + "\n").addListener(ChannelFutureListener.CLOSE);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close(); // the client sees it
        }
    }

    private final class Datagrams extends ChannelInboundHandlerAdapter {
        @Override
        public boolean isSharable() {
            return true;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof DatagramPacket packet) {
                ctx.writeAndFlush(new DatagramPacket(reply(packet.content()), packet.sender()));
                packet.release();
            } else if (message instanceof DomainDatagramPacket packet) {
                ctx.writeAndFlush(new DomainDatagramPacket(reply(packet.content()), packet.sender()));
                packet.release();
            }
        }

        private ByteBuf reply(ByteBuf question) {
            return Unpooled.copiedBuffer(answer(question.toString(UTF_8)), UTF_8);
        }
    }
}
