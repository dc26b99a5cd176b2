package io.tableflip.benchmarks;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.util.ReferenceCountUtil;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Many connections, each of which has had one answer and does nothing any more. Thread-safe. */
final class IdleConnections implements AutoCloseable {
    private static final byte[] REQUEST =
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    /** Connections that are being made at a time: less than the backlog of the server. */
    private static final int AT_A_TIME = 100;

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final CompletableFuture<Void> idle = new CompletableFuture<>();
    private final CompletableFuture<Void> gone = new CompletableFuture<>();
    private final AtomicInteger left = new AtomicInteger();
    private volatile @Nullable Throwable problem;
    private final Bootstrap bootstrap;
    private final int number;
    private int begun;
    private int answered;
    private int answeredAgain;
    private final List<Connection> open = new ArrayList<>();
    private final CompletableFuture<Void> again = new CompletableFuture<>();

    private IdleConnections(InetSocketAddress target, int number) {
        this.number = number;
        if (number == 0) {
            List.of(idle, again, gone).forEach(done -> done.complete(null));
        }
        bootstrap = new Bootstrap()
                .group(group)
                .channel(EpollSocketChannel.class)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, 10_000)
                .remoteAddress(target)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new Connection(channel));
                    }
                });
    }

    /** Makes them, and returns when all are idle. */
    static IdleConnections make(InetSocketAddress target, int number) {
        IdleConnections connections = new IdleConnections(target, number);
        try {
            connections.group.next().execute(() -> {
                for (int i = 0; i < Math.min(number, AT_A_TIME); i++) {
                    connections.connect();
                }
            });
            connections.idle.join();
            return connections;
        } catch (RuntimeException e) {
            connections.close();
            throw new BenchmarkException(number + " idle connections", e);
        }
    }

    private void connect() {
        if (begun == number) {
            return;
        }
        begun++;
        bootstrap.connect().addListener((ChannelFuture connected) -> {
            if (connected.isSuccess()) {
                left.incrementAndGet();
            } else {
                idle.completeExceptionally(connected.cause());
            }
        });
    }

    /** Sends one more request on each, and waits for the answers: all are still open then. */
    void askAgain() throws InterruptedException {
        try {
            group.next().execute(() -> open.forEach(Connection::askAgain));
            again.get(60, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new BenchmarkException(left + " of " + number + " connections are left", e);
        }
    }

    /** Waits until the server has closed them all. */
    void awaitEnd() throws InterruptedException {
        try {
            gone.get(60, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new BenchmarkException(left + " connections were not closed", e);
        }
        Throwable broken = problem;
        if (broken != null) {
            throw new BenchmarkException("an idle connection has broken", broken);
        }
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    private final class Connection extends ChannelInboundHandlerAdapter {
        private final Channel channel;
        private boolean isIdle;
        private boolean isAsking;

        Connection(Channel channel) {
            this.channel = channel;
        }

        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            open.add(this);
            ask();
        }

        private void ask() {
            channel.writeAndFlush(Unpooled.wrappedBuffer(REQUEST));
        }

        void askAgain() {
            if (!channel.isActive()) {
                again.completeExceptionally(new BenchmarkException("an idle connection was closed"));
            }
            isAsking = true;
            ask();
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            ReferenceCountUtil.release(message);
            if (!isIdle) { // the response fits into one segment
                isIdle = true;
                answered++;
                connect();
                if (answered == number) {
                    idle.complete(null);
                }
            } else if (isAsking) {
                isAsking = false;
                answeredAgain++;
                if (answeredAgain == number) {
                    again.complete(null);
                }
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            if (!isIdle) {
                idle.completeExceptionally(new BenchmarkException("a connection was closed without an answer"));
            }
            if (isAsking) {
                again.completeExceptionally(new BenchmarkException("a connection was closed without an answer"));
            }
            if (left.decrementAndGet() == 0 && answered == number) {
                gone.complete(null);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            problem = cause;
            ctx.close();
        }
    }
}
