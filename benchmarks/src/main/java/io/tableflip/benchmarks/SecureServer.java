package io.tableflip.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.Http2DrainHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** An upgradable server of HTTP/2 over TLS: {@code SecureServer PORT PID-FILE KEY-STORE [--idle-boot MILLISECONDS] [--warm-up MILLISECONDS] [--spread MILLISECONDS]}. Every answer is the line of the HTTP example. */
final class SecureServer {
    private SecureServer() {}

    public static void main(String[] arguments) throws Exception {
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(Path.of(arguments[1]))
                .idleBoot(option("--idle-boot", List.of(arguments)))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .build()) {
            SslContext tls = tls(Path.of(arguments[2]));
            EventLoopGroup loops = EpollOrNio.eventLoops(0);
            try {
                ServerBootstrap bootstrap = new ServerBootstrap()
                        .group(loops)
                        .childHandler(new Connection(tls, body(upgrader.generation()), Http2DrainHandler::new));
                Channel server = UpgradableServers.of(upgrader)
                        .bind(
                                bootstrap,
                                BindSpec.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])))
                                        .drain(DrainPolicy.HANDLERS.spreadOver(option("--spread", List.of(arguments)))))
                        .sync()
                        .channel();
                ready(upgrader, bootstrap, List.of(arguments))
                        .thenRun(() -> System.out.println(
                                "listening on 127.0.0.1:" + ((InetSocketAddress) server.localAddress()).getPort()));
                upgrader.awaitExit();
            } finally {
                loops.shutdownGracefully(0, 5, TimeUnit.SECONDS);
            }
        }
    }

    private static CompletableFuture<Void> ready(Upgrader upgrader, ServerBootstrap bootstrap, List<String> arguments)
            throws IOException {
        Duration warmUp = option("--warm-up", arguments);
        return warmUp.isZero() ? upgrader.ready() : upgrader.ready(Http2WarmUp.of(bootstrap), warmUp);
    }

    /** The value of an option; zero without it. */
    private static Duration option(String name, List<String> arguments) {
        int index = arguments.indexOf(name);
        return index < 0 ? Duration.ZERO : Duration.ofMillis(Long.parseLong(arguments.get(index + 1)));
    }

    static ByteBuf body(int generation) {
        String line = "{\"pid\":" + ProcessHandle.current().pid() + ",\"generation\":" + generation
                + ",\"greeting\":\"hello\"}\n";
        return Unpooled.unreleasableBuffer(Unpooled.copiedBuffer(line, StandardCharsets.US_ASCII));
    }

    static SslContext tls(Path keyStore) throws IOException {
        return SslContextBuilder.forServer(Certificate.keyManagers(keyStore))
                .sslProvider(SslProvider.JDK)
                .applicationProtocolConfig(new ApplicationProtocolConfig(
                        ApplicationProtocolConfig.Protocol.ALPN,
                        ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                        ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                        ApplicationProtocolNames.HTTP_2))
                .build();
    }

    /** The pipeline of a connection. */
    static final class Connection extends ChannelInitializer<Channel> {
        private final SslContext tls;
        private final ByteBuf body;
        private final Supplier<ChannelHandler> drain;

        /** @param drain makes the handler behind the codec */
        Connection(SslContext tls, ByteBuf body, Supplier<ChannelHandler> drain) {
            this.tls = tls;
            this.body = body;
            this.drain = drain;
        }

        @Override
        protected void initChannel(Channel channel) {
            channel.pipeline()
                    .addLast(tls.newHandler(channel.alloc()))
                    .addLast(new ApplicationProtocolNegotiationHandler(ApplicationProtocolNames.HTTP_1_1) {
                        @Override
                        protected void configurePipeline(ChannelHandlerContext ctx, String protocol) {
                            if (protocol.equals(ApplicationProtocolNames.HTTP_2)) {
                                http2(ctx);
                            } else {
                                ctx.close();
                            }
                        }
                    });
        }

        private void http2(ChannelHandlerContext ctx) {
            ctx.pipeline()
                    .addLast(Http2FrameCodecBuilder.forServer().build())
                    .addLast(drain.get())
                    .addLast(new Http2MultiplexHandler(new ChannelInitializer<Channel>() {
                        @Override
                        protected void initChannel(Channel stream) {
                            stream.pipeline().addLast(new Answer(body));
                        }
                    }));
        }
    }

    private static final class Answer extends SimpleChannelInboundHandler<Http2HeadersFrame> {
        private final ByteBuf body;

        Answer(ByteBuf body) {
            this.body = body;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Http2HeadersFrame request) {
            ctx.write(new DefaultHttp2HeadersFrame(
                    new DefaultHttp2Headers().status(HttpResponseStatus.OK.codeAsText()), false));
            ctx.writeAndFlush(new DefaultHttp2DataFrame(body.duplicate(), true));
        }
    }
}
