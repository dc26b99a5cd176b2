package io.tableflip.netty;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.channel.Listener;
import io.tableflip.testsupport.Await;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A server on the loopback with one boss and one worker loop, bound by {@link UpgradableServers}. */
public final class TestServer implements AutoCloseable {
    public static final InetSocketAddress ANY_PORT = loopback(0);

    public final FakeUpgrader upgrader;
    public final EventLoopGroup boss = Groups.epoll(1);
    public final EventLoopGroup workers;
    /** The accepted connections, when their handlers are in place. */
    public final BlockingQueue<Channel> children = new LinkedBlockingQueue<>();
    /** The drain events that came to the end of a pipeline. */
    public final BlockingQueue<DrainEvent> events = new LinkedBlockingQueue<>();

    public final ServerBootstrap bootstrap;

    public TestServer(Consumer<ChannelPipeline> handlers) {
        this(new FakeUpgrader(), handlers);
    }

    public TestServer(FakeUpgrader upgrader, Consumer<ChannelPipeline> handlers) {
        this(upgrader, Groups.epoll(1), handlers);
    }

    public TestServer(FakeUpgrader upgrader, EventLoopGroup workers, Consumer<ChannelPipeline> handlers) {
        this.upgrader = upgrader;
        this.workers = workers;
        bootstrap = new ServerBootstrap().group(boss, workers).childHandler(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel child) {
                handlers.accept(child.pipeline());
                child.pipeline().addLast(new Last());
                children.add(child);
            }
        });
    }

    @SuppressWarnings("AddressSelection") // a literal has one address
    public static InetSocketAddress loopback(int port) {
        return new InetSocketAddress("127.0.0.1", port);
    }

    /** A server that accepts. */
    public static TestServer start(Cleanup cleanup, DrainPolicy policy, Consumer<ChannelPipeline> handlers)
            throws Exception {
        TestServer server = cleanup.add(new TestServer(handlers));
        server.bind(policy);
        server.upgrader.resume();
        return server;
    }

    public Channel bind(DrainPolicy policy) throws Exception {
        return UpgradableServers.of(upgrader)
                .bind(bootstrap, BindSpec.of(ANY_PORT).drain(policy))
                .sync()
                .channel();
    }

    /** The one listener. */
    public Listener listener() {
        return (Listener) upgrader.participants.iterator().next();
    }

    public InetSocketAddress address() {
        return (InetSocketAddress) listener().channel().localAddress();
    }

    public Client connect() throws Exception {
        return Client.connect(address());
    }

    public Channel child() throws InterruptedException {
        return Await.next("an accepted connection", children);
    }

    public DrainEvent event() throws InterruptedException {
        return Await.next("a drain event", events);
    }

    /** Pauses and begins to drain. */
    public CompletableFuture<DrainReport> drain(Duration timeout) throws Exception {
        upgrader.pause();
        return upgrader.drain(timeout);
    }

    @Override
    public void close() {
        boss.shutdownGracefully(20, 5_000, TimeUnit.MILLISECONDS);
        workers.shutdownGracefully(20, 5_000, TimeUnit.MILLISECONDS);
        boss.terminationFuture().awaitUninterruptibly(10, TimeUnit.SECONDS);
        workers.terminationFuture().awaitUninterruptibly(10, TimeUnit.SECONDS);
    }

    private final class Last extends ChannelInboundHandlerAdapter {
        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
            if (evt instanceof DrainEvent event) {
                events.add(event);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close();
        }
    }
}
