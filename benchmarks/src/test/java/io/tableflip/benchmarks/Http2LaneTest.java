package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.DefaultHttp2ResetFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2FrameStream;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.ssl.SslContext;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.examples.FailureKind;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the client does, and what it says of it, against a server that does as it is told. */
@Timeout(60)
class Http2LaneTest {
    @TempDir
    Path directory;

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final EventLoop loop = group.next();
    private final BlockingQueue<Outcome> outcomes = new LinkedBlockingQueue<>();
    private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    private Http2Lane lane;
    private Channel server;
    private volatile boolean hangsUp;

    @BeforeEach
    void listen() throws Exception {
        SslContext tls = SecureServer.tls(Certificate.make(directory).keyStore());
        server = new ServerBootstrap()
                .group(group)
                .channel(EpollServerSocketChannel.class)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        if (hangsUp) {
                            channel.close();
                            return;
                        }
                        channel.pipeline()
                                .addLast(tls.newHandler(channel.alloc()))
                                .addLast(Http2FrameCodecBuilder.forServer().build())
                                .addLast(new Requests());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
        Bootstrap bootstrap = new Bootstrap().channel(EpollSocketChannel.class).remoteAddress(server.localAddress());
        lane = new Http2Lane(bootstrap, loop, Http2Load.tls(), outcomes::add);
    }

    @AfterEach
    void end() throws InterruptedException {
        group.shutdownGracefully(0, 10, TimeUnit.SECONDS).sync();
    }

    private final class Requests extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof Http2HeadersFrame headers) {
                requests.add(new Request(ctx, headers.stream()));
            }
            ReferenceCountUtil.release(message);
        }
    }

    /** One that the server has got. */
    private record Request(ChannelHandlerContext connection, Http2FrameStream stream) {
        void answer() {
            connection.write(
                    new DefaultHttp2HeadersFrame(new DefaultHttp2Headers().status("200"), false).stream(stream));
            connection.writeAndFlush(
                    new DefaultHttp2DataFrame(Unpooled.copiedBuffer("{\"pid\":7}", StandardCharsets.US_ASCII), true)
                            .stream(stream));
        }

        void reset(Http2Error error) {
            connection.writeAndFlush(new DefaultHttp2ResetFrame(error).stream(stream));
        }

        /** Past the codec, which would name no earlier stream than the last one that it has seen. */
        void goAway(int last) {
            Http2FrameCodec codec = channel().pipeline().get(Http2FrameCodec.class);
            ChannelHandlerContext from = channel().pipeline().context(codec);
            codec.encoder()
                    .frameWriter()
                    .writeGoAway(from, last, Http2Error.NO_ERROR.code(), Unpooled.EMPTY_BUFFER, from.newPromise());
            from.flush();
        }

        Channel channel() {
            return connection.channel();
        }
    }

    /** Sends a request that arrives at the server. */
    private Request send() throws InterruptedException {
        loop.execute(() -> lane.send(System.nanoTime()));
        return requests.take();
    }

    private @Nullable FailureKind outcome() throws InterruptedException {
        return outcomes.take().failure();
    }

    private <T> T ask(Callable<T> question) throws InterruptedException {
        return loop.submit(question).sync().getNow();
    }

    @Test
    void streamsShareTheConnectionUntilItIsLeft() throws InterruptedException {
        Request first = send();
        Request second = send();
        assertEquals(first.channel(), second.channel());
        second.goAway(Integer.MAX_VALUE);
        // What the client hears after the GOAWAY shows that it has heard that.
        second.answer();
        assertNull(outcome());
        Request third = send();
        assertNotEquals(first.channel(), third.channel(), "later streams are on a new connection");
        first.answer();
        assertNull(outcome(), "an earlier stream is answered on the old one");
        first.channel().closeFuture().sync(); // by the client, as nothing is under way
        third.answer();
        assertNull(outcome());
        assertEquals(2, ask(lane::connects));
        assertEquals(1, ask(lane::goAways));
        assertEquals(0, ask(lane::idleEnds));
    }

    @Test
    void aStreamThatAGoAwayLeavesOutIsRefused() throws InterruptedException {
        Request first = send();
        Request second = send();
        second.goAway(first.stream().id());
        assertEquals(FailureKind.REFUSED, outcome());
        first.answer();
        assertNull(outcome());
        first.channel().closeFuture().sync();
        assertEquals(0, outcomes.size(), "each is told once");
        assertEquals(1, ask(lane::connects), "nothing is tried again");
    }

    @Test
    void aResetIsToldByItsCode() throws InterruptedException {
        send().reset(Http2Error.REFUSED_STREAM);
        assertEquals(FailureKind.REFUSED, outcome());
        send().reset(Http2Error.INTERNAL_ERROR);
        assertEquals(FailureKind.RESET, outcome());
        assertEquals(1, ask(lane::connects), "the connection is as good as before");
    }

    @Test
    void aConnectionThatEndsTakesItsStreamsAlong() throws InterruptedException {
        send().channel().close();
        assertEquals(FailureKind.EOF, outcome());
        Request next = send();
        assertEquals(2, ask(lane::connects));
        reset(next.channel());
        assertEquals(FailureKind.RESET, outcome());
        assertEquals(0, ask(lane::idleEnds));
        assertEquals(0, ask(lane::idleBroken));
    }

    @Test
    void theEndOfAnIdleConnectionIsCounted() throws InterruptedException {
        Request first = send();
        first.answer();
        assertNull(outcome());
        // Without a GOAWAY, as a process does that is killed.
        first.channel().pipeline().firstContext().close();
        awaitCount(lane::idleEnds);
        Request second = send();
        second.answer();
        assertNull(outcome());
        reset(second.channel());
        awaitCount(lane::idleBroken);
        assertEquals(1, ask(lane::idleEnds));
    }

    @Test
    void nobodyListens() throws InterruptedException {
        server.close().sync();
        loop.execute(() -> lane.send(System.nanoTime()));
        assertEquals(FailureKind.REFUSED, outcome());
    }

    @Test
    void aHandshakeThatTheServerEnds() throws InterruptedException {
        hangsUp = true;
        loop.execute(() -> lane.send(System.nanoTime()));
        assertEquals(FailureKind.EOF, outcome());
        hangsUp = false;
        send().answer();
        assertNull(outcome(), "the next request has another connection");
        assertEquals(0, ask(lane::idleEnds));
    }

    private static void reset(Channel channel) {
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        channel.pipeline().firstContext().close(); // past TLS, which would say goodbye
    }

    private void awaitCount(Callable<Integer> count) throws InterruptedException {
        while (ask(count) == 0) {
            Thread.onSpinWait();
        }
    }
}
