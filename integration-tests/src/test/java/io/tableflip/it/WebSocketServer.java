package io.tableflip.it;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.netty.http.WebSocketDrainHandler;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Answers each message by its generation and the message. Its argument is its directory. */
final class WebSocketServer {
    private WebSocketServer() {}

    public static void main(String[] args) throws Exception {
        EventLoopGroup group = PlannedServer.loops();
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(Path.of(args[0]).resolve("service.pid"))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .drainTimeout(Duration.ofSeconds(20))
                .build()) {
            ServerBootstrap bootstrap =
                    new ServerBootstrap().group(group).childHandler(new Initializer(upgrader.generation()));
            var bound = UpgradableServers.of(upgrader)
                    .bind(bootstrap, new InetSocketAddress("127.0.0.1", 0))
                    .sync();
            System.out.println(
                    "listening on " + PlannedServer.text(bound.channel().localAddress()));
            upgrader.ready();
            upgrader.awaitExit();
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    private static final class Initializer extends ChannelInitializer<Channel> {
        private final int generation;

        Initializer(int generation) {
            this.generation = generation;
        }

        @Override
        protected void initChannel(Channel channel) {
            channel.pipeline()
                    .addLast(
                            new HttpServerCodec(),
                            new HttpDrainHandler(),
                            new HttpObjectAggregator(10_000),
                            new WebSocketDrainHandler(),
                            new WebSocketServerProtocolHandler("/"),
                            new Echo(generation));
        }
    }

    private static final class Echo extends SimpleChannelInboundHandler<TextWebSocketFrame> {
        private final int generation;

        Echo(int generation) {
            this.generation = generation;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, TextWebSocketFrame frame) {
            ctx.writeAndFlush(new TextWebSocketFrame(generation + " " + frame.text()));
        }
    }
}
