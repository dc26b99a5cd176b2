package io.tableflip.benchmarks;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.ssl.SslContext;
import java.net.InetAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;

/** Asks by HTTP/2 over TLS which process answers. Thread-safe. */
final class Http2Probe implements ContenderServer.Probe, AutoCloseable {
    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final EventLoop loop = group.next();
    private final SslContext tls;

    Http2Probe() throws SSLException {
        tls = Http2Load.tls();
    }

    @Override
    public long whoAnswers(int port) throws InterruptedException {
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        Bootstrap bootstrap =
                new Bootstrap().channel(EpollSocketChannel.class).remoteAddress(InetAddress.getLoopbackAddress(), port);
        Http2Lane lane = new Http2Lane(bootstrap, loop, tls, outcome::complete);
        loop.execute(() -> lane.send(System.nanoTime()));
        try {
            return outcome.get().pid();
        } catch (ExecutionException e) {
            throw new IllegalStateException("an outcome is no failure", e);
        } finally {
            loop.execute(lane::close);
        }
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
