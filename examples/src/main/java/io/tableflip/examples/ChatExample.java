package io.tableflip.examples;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.string.StringDecoder;
import io.netty.handler.codec.string.StringEncoder;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.transfer.MessageFraming;
import io.tableflip.netty.transfer.TransferHandler;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * A chat server whose rooms survive an upgrade. Meant to be copied, with {@link ChatSession} and {@link
 * ChatRoom}.
 */
final class ChatExample {
    private static final int MAX_LINE = 1024;

    private ChatExample() {}

    /**
     * Returns when this process was upgraded or stopped, and all its clients have left or go on elsewhere.
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
        ChatRoom.Directory rooms = new ChatRoom.Directory(upgrader.parentExited());
        ServerBootstrap bootstrap = new ServerBootstrap().group(loops).childHandler(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(new LineBasedFrameDecoder(MAX_LINE), new StringDecoder(), new StringEncoder())
                        .addLast(new TransferHandler(MessageFraming.lines()))
                        .addLast(new ChatSession(rooms));
            }
        });
        // The protocol has no word for "connect again", but its users are people.
        DrainPolicy goodbye = DrainPolicy.callback(
                (client, event) -> client.writeAndFlush("* this server leaves: please connect again\n")
                        .addListener(ChannelFutureListener.CLOSE));
        Channel server = UpgradableServers.of(upgrader)
                .bind(
                        bootstrap,
                        BindSpec.of(options.listen())
                                .drain(options.connections().policy(goodbye)))
                .sync()
                .channel();
        System.out.println("listening on " + Args.text((InetSocketAddress) server.localAddress()));
    }
}
