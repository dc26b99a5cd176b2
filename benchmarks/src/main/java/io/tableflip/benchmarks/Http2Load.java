package io.tableflip.benchmarks;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.http2.Http2SecurityUtil;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToIntFunction;
import javax.net.ssl.SSLException;

/**
 * A client of HTTP/2 over TLS that forgives nothing: requests go out at a given rate, whatever became of earlier ones, over connections that are kept. Latencies
 * count from the intended time of sending. A request is never tried again. On a connection whose server has said GOAWAY no stream is opened, as any client would see to: the next
 * request gets a new connection, and the old one is closed when its streams have ended.
 *
 * <p>Thread-safe. Everything happens on one event loop.
 */
final class Http2Load implements AutoCloseable {
    static final Duration TIMEOUT = Duration.ofSeconds(10);

    private static final Duration TICK = Duration.ofNanos(500_000);

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final EventLoop loop = group.next();
    private final List<Http2Lane> lanes = new ArrayList<>();
    private final List<Outcome> outcomes = new ArrayList<>();
    private final CompletableFuture<Void> drained = new CompletableFuture<>();
    private final long interval;
    private long next;
    private int sent;
    private int underWay;
    private long counted = Long.MIN_VALUE;
    private long slip;
    private boolean stopping;
    private int ended; // guarded by this
    private final AtomicInteger answered = new AtomicInteger();

    private Http2Load(InetSocketAddress target, double rate, int connections) throws SSLException {
        interval = (long) (1e9 / rate);
        Bootstrap bootstrap = new Bootstrap().channel(EpollSocketChannel.class).remoteAddress(target);
        SslContext tls = tls();
        for (int i = 0; i < connections; i++) {
            lanes.add(new Http2Lane(bootstrap, loop, tls, this::ended));
        }
    }

    /**
     * Begins to send.
     *
     * @param rate requests per second
     * @param connections how many connections take turns
     */
    static Http2Load start(InetSocketAddress target, double rate, int connections) throws IOException {
        Http2Load load = new Http2Load(target, rate, connections);
        load.loop.execute(() -> {
            load.next = System.nanoTime();
            load.loop.scheduleAtFixedRate(load::tick, 0, TICK.toNanos(), TimeUnit.NANOSECONDS);
        });
        return load;
    }

    /** What a client of HTTP/2 needs, whatever the certificate of its server. */
    static SslContext tls() throws SSLException {
        return SslContextBuilder.forClient()
                .sslProvider(SslProvider.JDK)
                .ciphers(Http2SecurityUtil.CIPHERS, SupportedCipherSuiteFilter.INSTANCE)
                .trustManager(InsecureTrustManagerFactory.INSTANCE)
                .applicationProtocolConfig(new ApplicationProtocolConfig(
                        ApplicationProtocolConfig.Protocol.ALPN,
                        ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                        ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                        ApplicationProtocolNames.HTTP_2))
                .build();
    }

    private void tick() {
        long now = System.nanoTime();
        while (!stopping && next <= now) {
            slip = Math.max(slip, now - next);
            underWay++;
            lanes.get(sent++ % lanes.size()).send(next);
            next += interval;
        }
    }

    private void ended(Outcome outcome) {
        underWay--;
        if (outcome.intendedNanos() >= counted) {
            outcomes.add(outcome);
        }
        synchronized (this) {
            ended++;
            notifyAll();
        }
        if (outcome.isAnswered()) {
            answered.incrementAndGet();
        }
        completeIfDrained();
    }

    private void completeIfDrained() {
        if (stopping && underWay == 0) {
            drained.complete(null);
        }
    }

    /** Forgets what was until now, but not the connections: what is under way does not count either. */
    void forget() {
        loop.submit(() -> {
                    counted = System.nanoTime();
                    outcomes.clear();
                    slip = 0;
                })
                .awaitUninterruptibly();
    }

    /** Waits until so many requests have an outcome. */
    synchronized void awaitEnded(int number) throws InterruptedException {
        while (ended < number) {
            wait();
        }
    }

    /** How many were answered. */
    int answered() {
        return answered.get();
    }

    /** Sends no more, and waits for the outcomes of what is under way: {@link #TIMEOUT} at most. */
    Result stop() {
        loop.execute(() -> {
            stopping = true;
            completeIfDrained();
        });
        drained.join();
        return new Result(
                List.copyOf(outcomes),
                sum(Http2Lane::connects),
                sum(Http2Lane::goAways),
                sum(Http2Lane::idleEnds),
                sum(Http2Lane::idleBroken),
                Duration.ofNanos(slip));
    }

    private int sum(ToIntFunction<Http2Lane> count) {
        return lanes.stream().mapToInt(count).sum();
    }

    /**
     * What was seen.
     *
     * @param outcomes of all requests that count
     * @param connects connections made
     * @param goAways those that the server asked to leave
     * @param idleEnds those that the server has ended with nothing under way
     * @param idleBroken those that were reset with nothing under way, without a GOAWAY
     * @param slip how late, at most, this client was with a request
     */
    record Result(List<Outcome> outcomes, int connects, int goAways, int idleEnds, int idleBroken, Duration slip) {}

    /** Ends all connections. */
    @Override
    public void close() {
        loop.submit(() -> lanes.forEach(Http2Lane::close)).awaitUninterruptibly();
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
