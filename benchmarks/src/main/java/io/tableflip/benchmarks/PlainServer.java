package io.tableflip.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.UnixChannelOption;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.Future;
import io.tableflip.examples.HttpExampleHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * The example's HTTP server without tableflip: the same transport and pipeline, the same answer; or the {@link SecureServer}. On SIGTERM it does what Netty's servers do: it
 * closes the listener and shuts its event loops down gracefully, with Netty's own times for that.
 */
final class PlainServer {
    private final EventLoopGroup boss;
    private final EventLoopGroup io;

    private PlainServer(EventLoopGroup boss, EventLoopGroup io) {
        this.boss = boss;
        this.io = io;
    }

    /** {@code --listen HOST:PORT [--reuse-port] [--tls KEY-STORE]}. Says "listening on HOST:PORT" when it does. */
    @SuppressWarnings("deprecation") // as the example, which runs on Netty 4.1 too
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> options = List.of(arguments);
        String listen = options.get(options.indexOf("--listen") + 1);
        int colon = listen.lastIndexOf(':');
        InetSocketAddress address =
                new InetSocketAddress(listen.substring(0, colon), Integer.parseInt(listen.substring(colon + 1)));
        PlainServer server = new PlainServer(new EpollEventLoopGroup(1), new EpollEventLoopGroup(0));
        Channel listener = server.listen(address, options.contains("--reuse-port"), connections(options));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(listener)));
        InetSocketAddress bound = (InetSocketAddress) listener.localAddress();
        System.out.println("listening on " + bound.getAddress().getHostAddress() + ":" + bound.getPort());
    }

    private static ChannelHandler connections(List<String> options) throws IOException {
        int tls = options.indexOf("--tls");
        if (tls >= 0) {
            SslContext context = SecureServer.tls(Path.of(options.get(tls + 1)));
            return new SecureServer.Connection(context, SecureServer.body(1), ChannelInboundHandlerAdapter::new);
        }
        String json = "{\"pid\":" + ProcessHandle.current().pid() + ",\"generation\":1,\"greeting\":\"hello\"}\n";
        ByteBuf description = Unpooled.unreleasableBuffer(Unpooled.copiedBuffer(json, StandardCharsets.UTF_8))
                .asReadOnly();
        return new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(new HttpServerCodec())
                        .addLast(new HttpServerKeepAliveHandler())
                        .addLast(new HttpExampleHandler(description));
            }
        };
    }

    private Channel listen(InetSocketAddress address, boolean reusePort, ChannelHandler connections)
            throws InterruptedException {
        return new ServerBootstrap()
                .group(boss, io)
                .channel(EpollServerSocketChannel.class)
                .option(UnixChannelOption.SO_REUSEPORT, reusePort)
                .childHandler(connections)
                .bind(address)
                .sync()
                .channel();
    }

    private void stop(Channel listener) {
        listener.close().syncUninterruptibly();
        Future<?> accepts = boss.shutdownGracefully();
        Future<?> serves = io.shutdownGracefully();
        accepts.syncUninterruptibly();
        serves.syncUninterruptibly();
    }
}
