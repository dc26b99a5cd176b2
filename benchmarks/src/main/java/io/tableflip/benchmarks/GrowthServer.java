package io.tableflip.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.tableflip.core.DrainReport;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * An HTTP server that says what its drains cost: {@code GrowthServer PID-FILE DRAIN-MILLIS FILL-MEGABYTES}. The first process fills its heap so
 * far. Or one with Netty alone, that says what it costs to close all connections, as it does on SIGTERM: {@code GrowthServer plain}.
 */
final class GrowthServer {
    static final String PLAIN = "plain";

    private GrowthServer() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals(PLAIN)) {
            plain();
        } else {
            upgradable(arguments);
        }
    }

    private static void plain() throws InterruptedException {
        ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
        ChannelHandler connection = new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new HttpServerCodec(), new Answer());
                connections.add(channel);
            }
        };
        Channel server = new ServerBootstrap()
                .group(EpollOrNio.eventLoops(0))
                .channel(EpollServerSocketChannel.class)
                .childHandler(connection)
                .bind(new InetSocketAddress("127.0.0.1", 0))
                .sync()
                .channel();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            long before = cpuMillis();
            int open = connections.size();
            connections.close().awaitUninterruptibly();
            System.out.println("closed " + open + " connections, " + (cpuMillis() - before) + " ms of CPU");
        }));
        sayListening(server);
    }

    private static void sayListening(Channel server) {
        System.out.println("listening on 127.0.0.1:" + ((InetSocketAddress) server.localAddress()).getPort());
    }

    private static long cpuMillis() {
        return Program.cpuMillis(ProcessHandle.current().pid());
    }

    private static void upgradable(String[] arguments) throws Exception {
        Duration drainTimeout = Duration.ofMillis(Long.parseLong(arguments[1]));
        List<byte[]> ballast = new ArrayList<>();
        EventLoopGroup loops = EpollOrNio.eventLoops(0);
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(Path.of(arguments[0]))
                .upgradeOn("HUP")
                .stopOn("TERM")
                .maxDrainBeforeCommit(Duration.ZERO)
                .drainTimeout(drainTimeout)
                .resourceCheck(ResourceCheck.OFF)
                .listener(new Costs(drainTimeout))
                .build()) {
            for (int i = 0; upgrader.generation() == 1 && i < Integer.parseInt(arguments[2]) * 16; i++) {
                ballast.add(new byte[64 * 1024 - 16]); // small enough to share a region of the heap
            }
            Channel server = UpgradableServers.of(upgrader)
                    .bind(
                            new ServerBootstrap().group(loops).childHandler(new Connection()),
                            new InetSocketAddress("127.0.0.1", 0))
                    .sync()
                    .channel();
            upgrader.ready().thenRun(() -> sayListening(server));
            upgrader.parentExited().thenRun(() -> System.out.println("alone: generation " + upgrader.generation()));
            upgrader.awaitExit();
        } finally {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
        System.out.println("ballast of " + ballast.size() / 16 + " MB was kept to the end");
    }

    /** Prints the time beyond the timeout at which idle connections are closed, and the processor time. */
    private static final class Costs implements LifecycleListener {
        private final Duration timeout;
        private long before;

        Costs(Duration timeout) {
            this.timeout = timeout;
        }

        @Override
        public void draining() {
            before = cpuMillis();
        }

        @Override
        public void drained(DrainReport report) {
            System.out.println("drained " + report.total() + " connections, "
                    + report.elapsed().minus(timeout).toMillis() + " ms beyond the timeout, " + (cpuMillis() - before)
                    + " ms of CPU");
        }
    }

    private static final class Connection extends ChannelInitializer<Channel> {
        @Override
        protected void initChannel(Channel channel) {
            channel.pipeline().addLast(new HttpServerCodec(), new HttpDrainHandler(), new Answer());
        }
    }

    private static final class Answer extends SimpleChannelInboundHandler<HttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, HttpRequest request) {
            DefaultFullHttpResponse response =
                    new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, Unpooled.EMPTY_BUFFER);
            HttpUtil.setContentLength(response, 0);
            ctx.writeAndFlush(response);
        }
    }
}
