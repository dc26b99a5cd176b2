package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.tableflip.benchmarks.StayingRecord.Wait;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server does wrong is counted, each thing as what it is. */
class StayingClientsTest {
    private static final Map<StayingKind, Integer> ONE_OF_EACH = Map.of(
            StayingKind.BUSY,
            1,
            StayingKind.PIPELINING,
            1,
            StayingKind.HALVES,
            1,
            StayingKind.SLOW,
            1,
            StayingKind.IDLE,
            1);
    private static final int ENOUGH = 30;

    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final AtomicInteger requests = new AtomicInteger();

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    /** Answers what was read in one go. */
    private interface Answerer {
        void answer(ChannelHandlerContext ctx, List<String> numbers);
    }

    private StayingRecord seen(Map<StayingKind, Integer> numbers, Answerer answerer) {
        Channel server = new ServerBootstrap()
                .group(loops)
                .channel(EpollServerSocketChannel.class)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new HttpServerCodec(), new Server(answerer));
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel();
        try (StayingClients clients = StayingClients.connect((InetSocketAddress) server.localAddress(), numbers)) {
            Await.until("requests, or an end", () -> requests.get() >= ENOUGH || clients.open() == 0);
            return clients.end();
        }
    }

    private final class Server extends SimpleChannelInboundHandler<HttpRequest> {
        private final Answerer answerer;
        private final List<String> numbers = new ArrayList<>();

        Server(Answerer answerer) {
            this.answerer = answerer;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, HttpRequest request) {
            requests.incrementAndGet();
            numbers.add(request.headers().get(StayingConnection.NUMBER));
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext ctx) {
            List<String> now = List.copyOf(numbers);
            numbers.clear();
            answerer.answer(ctx, now);
            ctx.flush();
        }
    }

    private static FullHttpResponse answer(String number) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, Unpooled.EMPTY_BUFFER);
        HttpUtil.setContentLength(response, 0);
        response.headers().set(StayingConnection.NUMBER, number);
        return response;
    }

    private static void inOrder(ChannelHandlerContext ctx, List<String> numbers) {
        numbers.forEach(number -> ctx.write(answer(number)));
    }

    private static boolean isOf(String number, int last) {
        return number.endsWith("." + last);
    }

    @Test
    void everythingIsRight() {
        StayingRecord record = seen(ONE_OF_EACH, StayingClientsTest::inOrder);
        assertEquals(5, record.connections());
        assertEquals(0, record.ended());
        assertEquals(0, record.failures());
        assertEquals(requests.get(), record.requests());
        assertTrue(record.requests() >= ENOUGH, record::toString);
    }

    @Test
    void answersTwice() {
        StayingRecord record = seen(Map.of(StayingKind.BUSY, 1), (ctx, numbers) -> {
            inOrder(ctx, numbers);
            numbers.stream().filter(number -> isOf(number, 3)).forEach(number -> ctx.write(answer(number)));
        });
        assertEquals(1, record.doubled());
        assertEquals(1, record.failures());
    }

    @Test
    void answersInAnotherOrder() {
        StayingRecord record = seen(Map.of(StayingKind.PIPELINING, 1), (ctx, numbers) -> {
            List<String> backwards = new ArrayList<>(numbers);
            Collections.reverse(backwards);
            inOrder(ctx, backwards);
        });
        assertTrue(record.reordered() > 0, record::toString);
        assertEquals(record.reordered(), record.failures());
        assertEquals(0, record.ended());
    }

    @Test
    void answersWhatAnotherClientAsked() {
        StayingRecord record = seen(
                Map.of(StayingKind.BUSY, 1),
                (ctx, numbers) -> numbers.forEach(number -> {
                    if (isOf(number, 3)) {
                        ctx.write(answer("7.3"));
                    }
                    ctx.write(answer(number));
                }));
        assertEquals(1, record.reordered());
        assertEquals(1, record.failures());
    }

    @Test
    void answersWithAnError() {
        StayingRecord record = seen(
                Map.of(StayingKind.BUSY, 1),
                (ctx, numbers) -> numbers.forEach(number -> ctx.write(
                        isOf(number, 3) ? answer(number).setStatus(HttpResponseStatus.BAD_GATEWAY) : answer(number))));
        assertEquals(1, record.wrong());
        assertEquals(1, record.failures());
    }

    @Test
    void closesWithoutAnAnswer() {
        StayingRecord record = seen(Map.of(StayingKind.BUSY, 1), (ctx, numbers) -> {
            if (numbers.stream().anyMatch(number -> isOf(number, 3))) {
                ctx.close();
            } else {
                inOrder(ctx, numbers);
            }
        });
        assertEquals(1, record.ended());
        assertEquals(1, record.lost());
        assertEquals(0, record.lostBehindClose());
    }

    @Test
    void closesBehindAnAnswer() {
        StayingRecord record = seen(Map.of(StayingKind.PIPELINING, 1), (ctx, numbers) -> {
            if (numbers.stream().noneMatch(number -> isOf(number, 4))) {
                inOrder(ctx, numbers);
                return;
            }
            FullHttpResponse last = answer(numbers.get(0));
            last.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            ctx.writeAndFlush(last).addListener(ChannelFutureListener.CLOSE);
        });
        assertEquals(1, record.ended());
        assertEquals(record.lost(), record.lostBehindClose());
        assertTrue(record.lost() >= 2, record::toString); // 5 and 6, and what was sent before the end was seen
    }

    @Test
    void anIdleConnectionIsClosed() {
        AtomicInteger idle = new AtomicInteger();
        StayingRecord record = seen(Map.of(StayingKind.IDLE, 2), (ctx, numbers) -> {
            inOrder(ctx, numbers);
            ctx.flush();
            if (idle.incrementAndGet() == 2) { // both are connected
                loops.shutdownGracefully(0, 0, TimeUnit.SECONDS);
            }
        });
        assertEquals(2, record.ended());
        assertEquals(0, record.failures());
    }

    @Test
    void recordsGoThroughAFile(@TempDir Path directory) throws IOException {
        StayingRecord record = new StayingRecord(
                1, 2, 3, 4, 5, 6, 7, 8, List.of(new Wait(10, 30), new Wait(20, 25), new Wait(90, 95)));
        record.write(directory.resolve("record"));
        assertEquals(record, StayingRecord.read(directory.resolve("record")));
        assertEquals(25, record.failures());
        assertEquals(6, record.plus(record).requests());
    }

    @Test
    void waitsCountAsFarAsTheyLieInTheTime() {
        StayingRecord record = StayingRecord.NOTHING.plus(new StayingRecord(
                0, 0, 0, 0, 0, 0, 0, 0, List.of(new Wait(10, 30), new Wait(20, 25), new Wait(90, 95))));
        assertEquals(20, record.longestWait(0, 100));
        assertEquals(8, record.longestWait(22, 100));
        assertEquals(5, record.longestWait(50, 100));
        assertEquals(0, record.longestWait(40, 50));
    }
}
