package io.tableflip.benchmarks;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Clients that keep their connections as long as the server does, and never make another one. Thread-safe.
 */
final class StayingClients implements AutoCloseable {
    private static final int CONNECT_SECONDS = 20;
    /** What has no answer that long after the last request is lost. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);

    private static final int LOOK_MILLIS = 5;
    private static final int MOST_BYTES = 65_536;

    /** Of a daemon thread: a process with such clients ends when its main thread fails. */
    private final EventLoopGroup group =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("clients", true), EpollIoHandler.newFactory());

    private final CompletableFuture<Void> connected = new CompletableFuture<>();
    // for the loop alone
    private final StayingTally tally = new StayingTally();
    private final List<StayingConnection> connections = new ArrayList<>();
    private int answered;

    private StayingClients() {}

    /** Makes the connections, and returns when each of them has had an answer. */
    static StayingClients connect(InetSocketAddress target, Map<StayingKind, Integer> numbers) {
        StayingClients clients = new StayingClients();
        try {
            clients.onLoop(() -> clients.connectAll(target, numbers));
            clients.connected.get(CONNECT_SECONDS, TimeUnit.SECONDS);
            return clients;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            clients.close();
            throw new BenchmarkException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            clients.close();
            throw new BenchmarkException("clients cannot connect: " + numbers, e);
        }
    }

    private void connectAll(InetSocketAddress target, Map<StayingKind, Integer> numbers) {
        int count = numbers.values().stream().mapToInt(Integer::intValue).sum();
        numbers.forEach((kind, number) -> {
            for (int i = 0; i < number; i++) {
                connect(target, kind, count);
            }
        });
    }

    private void connect(InetSocketAddress target, StayingKind kind, int count) {
        new Bootstrap()
                .group(group)
                .channel(EpollSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        StayingConnection connection =
                                new StayingConnection(channel, kind, connections.size(), tally, () -> answered(count));
                        connections.add(connection);
                        channel.pipeline()
                                .addLast(new HttpResponseDecoder(), new HttpObjectAggregator(MOST_BYTES), connection);
                    }
                })
                .connect(target)
                .addListener((ChannelFuture future) -> {
                    if (!future.isSuccess()) {
                        connected.completeExceptionally(future.cause());
                    }
                });
    }

    private void answered(int count) {
        answered++;
        if (answered == count) {
            connections.forEach(StayingConnection::begin);
            connected.complete(null);
        }
    }

    /** How many connections the server has neither closed nor announced to close. */
    long open() {
        AtomicLong open = new AtomicLong();
        onLoop(() ->
                open.set(connections.stream().filter(StayingConnection::isOpen).count()));
        return open.get();
    }

    /** Ends what the clients do, waits for the last answers, and closes the connections. */
    StayingRecord end() {
        CompletableFuture<StayingRecord> record = new CompletableFuture<>();
        onLoop(() -> {
            connections.forEach(StayingConnection::finish);
            settle(System.nanoTime() + PATIENCE, record);
        });
        return record.join();
    }

    private void settle(long deadline, CompletableFuture<StayingRecord> record) {
        boolean isTooLate = System.nanoTime() - deadline > 0;
        if (isTooLate || connections.stream().allMatch(StayingConnection::isSettled)) {
            connections.forEach(StayingConnection::close);
            record.complete(tally.record());
        } else {
            group.next().schedule(() -> settle(deadline, record), LOOK_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private void onLoop(Runnable step) {
        group.next().submit(step).syncUninterruptibly();
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
