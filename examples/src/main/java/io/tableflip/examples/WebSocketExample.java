package io.tableflip.examples;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolConfig;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.netty.http.WebSocketDrainHandler;
import io.tableflip.netty.transfer.HttpTransferHandler;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/** A WebSocket server whose sessions survive an upgrade. Meant to be read from top to bottom, and copied. */
final class WebSocketExample {
    private static final String PATH = "/ws";
    private static final int MAX_MESSAGE = 64 * 1024;

    private WebSocketExample() {}

    /**
     * Returns when this process was upgraded or stopped, and its last session has ended or goes on elsewhere.
     */
    static void run(ServiceOptions options) throws Exception {
        EventLoopGroup loops = EpollOrNio.eventLoops(0);
        try {
            Upgrader.builder()
                    .pidFile(options.pidFile())
                    .drainTimeout(options.drainTimeout())
                    .upgradeOn("HUP")
                    .stopOn("TERM", "INT")
                    .run(upgrader -> serve(upgrader, options, loops));
        } finally {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
    }

    private static void serve(Upgrader upgrader, ServiceOptions options, EventLoopGroup loops)
            throws InterruptedException {
        ServerBootstrap bootstrap = new ServerBootstrap().group(loops).childHandler(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                addHandlers(channel.pipeline(), upgrader.generation());
            }
        });
        Channel server = UpgradableServers.of(upgrader)
                .bind(
                        bootstrap,
                        BindSpec.of(options.listen())
                                .drain(options.connections().policy(DrainPolicy.HANDLERS)))
                .sync()
                .channel();
        System.out.println("listening on " + Args.text((InetSocketAddress) server.localAddress()));
    }

    private static void addHandlers(ChannelPipeline pipeline, int generation) {
        WebSocketServerProtocolConfig config = WebSocketServerProtocolConfig.newBuilder()
                .websocketPath(PATH)
                .maxFramePayloadLength(MAX_MESSAGE)
                .build();
        pipeline.addLast(
                new HttpServerCodec(),
                new HttpTransferHandler(), // sessions go on in the new process
                new HttpDrainHandler(), // what cannot leave so is asked to connect again
                new HttpObjectAggregator(MAX_MESSAGE),
                new WebSocketDrainHandler(),
                new WebSocketServerProtocolHandler(config),
                new WebSocketFrameAggregator(MAX_MESSAGE),
                new WebSocketExampleHandler(generation));
    }
}
