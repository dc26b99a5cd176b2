package io.tableflip.netty.warmup;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.AttributeKey;
import io.tableflip.core.WarmUp;
import io.tableflip.netty.Groups;
import io.tableflip.netty.Tls;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real pipelines, real connections. */
class LoopbackWarmUpTest {
    private static final AttributeKey<String> GREETING = AttributeKey.valueOf("greeting");

    private final AtomicInteger asked = new AtomicInteger();
    private final Set<Channel> connections = ConcurrentHashMap.newKeySet();
    private final Set<String> bodies = ConcurrentHashMap.newKeySet();

    private final EventLoopGroup acceptors = Groups.epoll(1);
    private final EventLoopGroup loops = Groups.epoll(1);

    @AfterEach
    void shutDown() throws Exception {
        acceptors.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    }

    private ServerBootstrap server() {
        return new ServerBootstrap().group(acceptors, loops);
    }

    private static FullHttpRequest get(String path) {
        return new DefaultFullHttpRequest(HTTP_1_1, GET, path);
    }

    private static void ok(ChannelHandlerContext ctx, String text) {
        DefaultFullHttpResponse response =
                new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.OK, Unpooled.copiedBuffer(text, US_ASCII));
        HttpUtil.setContentLength(response, text.length());
        ctx.writeAndFlush(response);
    }

    @Sharable
    private final class App extends SimpleChannelInboundHandler<FullHttpRequest> {
        private final BiConsumer<ChannelHandlerContext, FullHttpRequest> answer;

        App(BiConsumer<ChannelHandlerContext, FullHttpRequest> answer) {
            this.answer = answer;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            asked.incrementAndGet();
            connections.add(ctx.channel());
            bodies.add(request.content().toString(US_ASCII));
            answer.accept(ctx, request);
        }
    }

    /** As most servers are written: for socket channels. */
    private ServerBootstrap http(BiConsumer<ChannelHandlerContext, FullHttpRequest> answer) {
        return server().childHandler(new ChannelInitializer<SocketChannel>() {
            @Override
            protected void initChannel(SocketChannel channel) {
                channel.pipeline()
                        .addLast(new HttpServerCodec(), new HttpDrainHandler(), new HttpObjectAggregator(1000))
                        .addLast(new App(answer));
            }
        });
    }

    @Test
    void sendsRequestsUntilTheNumberIsReached() throws Exception {
        ServerBootstrap server = http((ctx, request) -> ok(ctx, request.uri()));
        FullHttpRequest post = new DefaultFullHttpRequest(HTTP_1_1, POST, "/", Unpooled.copiedBuffer("body", US_ASCII));
        HttpUtil.setContentLength(post, 4);
        LoopbackWarmUp.http(server, get("/"), post)
                .maxRequests(250)
                .requestsPerConnection(100)
                .build()
                .run();
        assertEquals(250, asked.get());
        assertEquals(3, connections.size());
        assertEquals(Set.of("", "body"), bodies);
        assertEquals(1, post.refCnt(), "copies were sent");
        Await.until("all are closed", () -> connections.stream().noneMatch(Channel::isOpen));
    }

    /** As a framework makes its bootstraps. */
    @Test
    void theChannelsOfTheServerAreNotThoseOfTheWarmUp() throws Exception {
        ServerBootstrap server = http((ctx, request) -> ok(ctx, "")).channelFactory(() -> {
            throw new AssertionError("a channel of the server");
        });
        LoopbackWarmUp.http(server, get("/")).maxRequests(10).build().run();
        assertEquals(10, asked.get());
    }

    @Test
    void connectionsThatTheServerKeepsOpenEndWithTheWarmUp() throws Exception {
        ServerBootstrap server =
                http((ctx, request) -> ok(ctx, "")).childOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        LoopbackWarmUp.http(server, get("/"))
                .maxRequests(20)
                .requestsPerConnection(10)
                .build()
                .run();
        assertEquals(2, connections.size());
        Await.until("all are closed", () -> connections.stream().noneMatch(Channel::isOpen));
    }

    /** When that is, no test can tell: {@link LatencyPlateauTest}. */
    @Test
    void doesNotEndBeforeTheLatencyHasSettled() throws Exception {
        ServerBootstrap server = http((ctx, request) -> ok(ctx, ""));
        LoopbackWarmUp.http(server, get("/")).build().run();
        assertTrue(asked.get() >= 1000, () -> asked + " requests");
    }

    @Test
    void anApplicationMayAnswerFromAnotherThread() throws Exception {
        ExecutorService workers = Executors.newFixedThreadPool(2);
        try {
            ServerBootstrap server = http((ctx, request) -> workers.execute(() -> ok(ctx, "later")));
            LoopbackWarmUp.http(server, get("/")).maxRequests(500).build().run();
        } finally {
            workers.shutdownNow();
        }
        assertEquals(500, asked.get());
    }

    @Test
    void aConnectionHasWhatTheBootstrapGivesAndCanBeTold() throws Exception {
        CountDownLatch seen = new CountDownLatch(1);
        ServerBootstrap server = http((ctx, request) -> {
                    Channel channel = ctx.channel();
                    assertTrue(LoopbackWarmUp.isWarmUp(channel));
                    assertEquals("hello", channel.attr(GREETING).get());
                    assertEquals(true, channel.config().getOption(ChannelOption.TCP_NODELAY));
                    assertEquals(7, channel.config().getOption(ChannelOption.SO_LINGER));
                    assertTrue(((SocketChannel) channel)
                            .remoteAddress()
                            .getAddress()
                            .isLoopbackAddress());
                    seen.countDown();
                    ok(ctx, "");
                })
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.SO_LINGER, 7)
                .childAttr(GREETING, "hello");
        LoopbackWarmUp.http(server, get("/")).maxRequests(1).build().run();
        assertEquals(0, seen.getCount());
    }

    @Test
    void anotherConnectionFollowsOneThatTheServerCloses() throws Exception {
        ServerBootstrap server = http((ctx, request) -> {
            ok(ctx, "");
            ctx.close();
        });
        LoopbackWarmUp.http(server, get("/")).maxRequests(5).build().run();
        assertEquals(5, connections.size());
    }

    @Test
    void aFileIsReadAsBytes(@TempDir Path directory) throws Exception {
        Path file = Files.write(directory.resolve("file"), new byte[100_000]);
        ServerBootstrap server = http((ctx, request) -> {
            io.netty.handler.codec.http.HttpResponse head =
                    new io.netty.handler.codec.http.DefaultHttpResponse(HTTP_1_1, HttpResponseStatus.OK);
            HttpUtil.setContentLength(head, 100_000);
            ctx.write(head);
            ctx.write(new DefaultFileRegion(file.toFile(), 0, 100_000));
            ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
        });
        LoopbackWarmUp.http(server, get("/")).maxRequests(3).build().run();
        assertEquals(3, asked.get());
    }

    @Test
    void anyProtocolWithAClientOfItsOwn(@TempDir Path directory) throws Exception {
        Tls tls = new Tls(directory);
        ServerBootstrap server = server().childHandler(new ChannelInitializer<SocketChannel>() {
            @Override
            protected void initChannel(SocketChannel channel) {
                SSLEngine engine = tls.context().createSSLEngine();
                engine.setUseClientMode(false);
                channel.pipeline()
                        .addLast(new SslHandler(engine), new HttpServerCodec(), new HttpObjectAggregator(1000))
                        .addLast(new App((ctx, request) -> ok(ctx, "secret")));
            }
        });
        ChannelInitializer<Channel> client = new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                SSLEngine engine = tls.context().createSSLEngine();
                engine.setUseClientMode(true);
                channel.pipeline().addLast(new SslHandler(engine), new HttpClientCodec());
            }
        };
        LoopbackWarmUp.of(server, client, List.of(get("/")), LastHttpContent.class::isInstance)
                .maxRequests(20)
                .requestsPerConnection(5)
                .build()
                .run();
        assertEquals(20, asked.get());
        assertEquals(4, connections.size());
    }

    // ---- failures

    private static void assertFails(String message, WarmUp warmUp) {
        IOException failure = assertThrows(IOException.class, warmUp::run);
        assertTrue(String.valueOf(failure.getMessage()).contains(message), failure::toString);
    }

    @Test
    void aResponseThatDoesNotComeIsNotWaitedForForEver() {
        ServerBootstrap server = http((ctx, request) -> {});
        assertFails(
                "no response within PT0.05S",
                LoopbackWarmUp.http(server, get("/"))
                        .requestTimeout(Duration.ofMillis(50))
                        .build());
    }

    @Test
    void anEndInsteadOfAResponseIsAFailure() {
        ServerBootstrap server = http((ctx, request) -> ctx.close());
        assertFails(
                "the server has closed the connection",
                LoopbackWarmUp.http(server, get("/")).build());
    }

    @Test
    void aPipelineForAnotherKindOfChannelIsAFailure() {
        ServerBootstrap server = server().childHandler(
                        new ChannelInitializer<io.netty.channel.socket.nio.NioSocketChannel>() {
                            @Override
                            protected void initChannel(io.netty.channel.socket.nio.NioSocketChannel channel) {
                                throw new AssertionError();
                            }
                        });
        // closed, or reset: what the client has sent was not read
        assertThrows(IOException.class, LoopbackWarmUp.http(server, get("/")).build()::run);
    }

    @Test
    void anInterruptEndsIt() throws Exception {
        ServerBootstrap server = http((ctx, request) -> {});
        LoopbackWarmUp warmUp = LoopbackWarmUp.http(server, get("/"))
                .requestTimeout(Duration.ofMinutes(5))
                .build();
        Throwable[] how = new Throwable[1];
        Thread thread = new Thread(() -> {
            try {
                warmUp.run();
            } catch (IOException | InterruptedException e) {
                how[0] = e;
            }
        });
        thread.start();
        Await.until("a request", () -> asked.get() == 1);
        thread.interrupt();
        thread.join();
        assertInstanceOf(InterruptedException.class, how[0]);
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        ServerBootstrap server = http((ctx, request) -> {});
        assertThrows(IllegalArgumentException.class, () -> LoopbackWarmUp.http(server));
        LoopbackWarmUp.Builder builder = LoopbackWarmUp.http(server, get("/"));
        assertThrows(IllegalArgumentException.class, () -> builder.maxRequests(0));
        assertThrows(IllegalArgumentException.class, () -> builder.requestsPerConnection(0));
        assertThrows(IllegalArgumentException.class, () -> builder.cpuShare(0));
        assertThrows(IllegalArgumentException.class, () -> builder.cpuShare(1.1));
        assertThrows(IllegalArgumentException.class, () -> builder.cpuShare(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> builder.requestTimeout(Duration.ZERO));
        assertThrows(
                IllegalStateException.class,
                () -> LoopbackWarmUp.http(server(), get("/")).build());
    }

    /** A port of the loopback address is open to everybody on the machine. */
    @Test
    void servesNobodyElse() throws Exception {
        AtomicInteger ended = new AtomicInteger();
        ServerBootstrap server = http((ctx, request) -> {
            if (asked.get() == 1) {
                try (Socket stranger = new Socket()) {
                    stranger.connect(((SocketChannel) ctx.channel()).localAddress());
                    stranger.setSoTimeout(10_000);
                    stranger.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(US_ASCII));
                    ended.set(stranger.getInputStream().read());
                } catch (IOException e) {
                    ended.set(-1); // reset
                }
            }
            ok(ctx, "");
        });
        LoopbackWarmUp.http(server, get("/")).maxRequests(5).build().run();
        assertEquals(-1, ended.get());
        assertEquals(5, asked.get());
    }

    @Test
    void itsListenerEnds() throws Exception {
        AtomicReference<InetSocketAddress> address = new AtomicReference<>();
        ServerBootstrap server = http((ctx, request) -> {
            address.set(((SocketChannel) ctx.channel()).localAddress());
            ok(ctx, "");
        });
        LoopbackWarmUp.http(server, get("/")).maxRequests(1).build().run();
        Await.until("refused", () -> {
            try (Socket late = new Socket()) {
                late.connect(address.get());
                return false;
            } catch (IOException e) {
                return true;
            }
        });
    }

    @Test
    void warmsUpLoopsOfNio() throws Exception {
        EventLoopGroup nio = Groups.nio();
        try {
            ServerBootstrap server = http((ctx, request) -> ok(ctx, "")).clone();
            server = new ServerBootstrap()
                    .group(nio)
                    .childHandler(server.config().childHandler());
            LoopbackWarmUp.http(server, get("/")).maxRequests(5).build().run();
            assertEquals(5, asked.get());
        } finally {
            nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        }
    }

    @Test
    void withoutAGroupThereIsNothingToWarmUp() {
        assertFails(
                "no group",
                LoopbackWarmUp.http(new ServerBootstrap().childHandler(new ChannelInboundHandlerAdapter()), get("/"))
                        .build());
    }
}
