package io.tableflip.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.Http2EventAdapter;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.Http2DrainHandler;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The program of {@link Http2UpgradeIT}: HTTP/2 without TLS, on one port with the frame codec and a channel for each stream, on the other with
 * a connection handler. Answers a GET with its generation and the path, one of {@code /until?FILE} when there is that file.
 */
final class Http2Server {
    private Http2Server() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        EventLoopGroup loops = PlannedServer.loops();
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(directory.resolve("service.pid"))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .drainTimeout(Duration.ofSeconds(60))
                .build()) {
            String generation = Integer.toString(upgrader.generation());
            SocketAddress multiplex = bind(upgrader, loops, "multiplex", new Multiplex(generation));
            SocketAddress plain = bind(upgrader, loops, "plain", new Plain(generation));
            System.out.println("listening on " + PlannedServer.text(multiplex) + "; plain "
                    + ((InetSocketAddress) plain).getPort() + ";");
            upgrader.ready();
            upgrader.awaitExit();
        } finally {
            loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    private static SocketAddress bind(
            Upgrader upgrader, EventLoopGroup loops, String name, ChannelInitializer<Channel> initializer)
            throws InterruptedException {
        ServerBootstrap bootstrap = new ServerBootstrap().group(loops).childHandler(initializer);
        return UpgradableServers.of(upgrader)
                .bind(
                        bootstrap,
                        BindSpec.of(new InetSocketAddress("127.0.0.1", 0))
                                .name(name)
                                .drain(DrainPolicy.HANDLERS))
                .sync()
                .channel()
                .localAddress();
    }

    private static final class Multiplex extends ChannelInitializer<Channel> {
        private final String generation;

        Multiplex(String generation) {
            this.generation = generation;
        }

        @Override
        protected void initChannel(Channel channel) {
            channel.pipeline()
                    .addLast(
                            Http2FrameCodecBuilder.forServer().build(),
                            new Http2DrainHandler(),
                            new Http2MultiplexHandler(new ChannelInitializer<Channel>() {
                                @Override
                                protected void initChannel(Channel stream) {
                                    stream.pipeline().addLast(new Stream(generation));
                                }
                            }));
        }
    }

    private static final class Stream extends SimpleChannelInboundHandler<Http2HeadersFrame> {
        private final String generation;

        Stream(String generation) {
            this.generation = generation;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Http2HeadersFrame request) {
            String path = request.headers().path().toString();
            whenThere(ctx, path, () -> {
                ctx.write(new DefaultHttp2HeadersFrame(ok(), false));
                ctx.writeAndFlush(new DefaultHttp2DataFrame(body(generation, path), true));
            });
        }
    }

    private static final class Plain extends ChannelInitializer<Channel> {
        private final String generation;

        Plain(String generation) {
            this.generation = generation;
        }

        @Override
        protected void initChannel(Channel channel) {
            Http2ConnectionHandler[] handler = new Http2ConnectionHandler[1];
            handler[0] = new Http2ConnectionHandlerBuilder()
                    .connection(new DefaultHttp2Connection(true))
                    .frameListener(new Http2EventAdapter() {
                        @Override
                        public void onHeadersRead(
                                ChannelHandlerContext ctx,
                                int stream,
                                Http2Headers headers,
                                int dependency,
                                short weight,
                                boolean exclusive,
                                int padding,
                                boolean end) {
                            String path = headers.path().toString();
                            whenThere(ctx, path, () -> {
                                var encoder = handler[0].encoder();
                                encoder.writeHeaders(ctx, stream, ok(), 0, false, ctx.newPromise());
                                encoder.writeData(ctx, stream, body(generation, path), 0, true, ctx.newPromise());
                                handler[0].flush(ctx);
                            });
                        }
                    })
                    .build();
            channel.pipeline().addLast(handler[0], new Http2DrainHandler());
        }
    }

    private static Http2Headers ok() {
        return new DefaultHttp2Headers().status(HttpResponseStatus.OK.codeAsText());
    }

    private static ByteBuf body(String generation, String path) {
        return Unpooled.copiedBuffer(generation + " " + path.substring(1), US_ASCII);
    }

    private static void whenThere(ChannelHandlerContext ctx, String path, Runnable answer) {
        int file = path.indexOf("?");
        if (file < 0 || Files.exists(Path.of(path.substring(file + 1)))) {
            answer.run();
        } else if (ctx.channel().isActive()) {
            ctx.executor().schedule(() -> whenThere(ctx, path, answer), 10, TimeUnit.MILLISECONDS);
        }
    }
}
