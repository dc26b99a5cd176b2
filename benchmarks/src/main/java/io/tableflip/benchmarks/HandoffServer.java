package io.tableflip.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * Hands its listeners to the next generation, and says when it did what: what {@code go/handoff} does, and so the same lines of output. The times
 * are those of {@link System#nanoTime}, which on Linux is a clock that all processes share.
 */
final class HandoffServer {
    /** Instead of a number of upgrades: without tableflip. */
    static final String PLAIN = "plain";

    private static final long POLL_MILLIS = 10;
    /** The library's. A logger that nobody holds is collected, and its handlers with it. */
    private static final Logger LIBRARY = Logger.getLogger("io.tableflip");

    private final int upgrades;
    private final Moments moments = new Moments();

    private HandoffServer(int upgrades) {
        this.upgrades = upgrades;
    }

    /**
     * Binds, upgrades as often as asked, and ends.
     *
     * @param arguments number of listeners, and number of upgrades or {@value #PLAIN}
     */
    public static void main(String[] arguments) throws IOException, InterruptedException, ExecutionException {
        int count = Integer.parseInt(arguments[0]);
        if (arguments[1].equals(PLAIN)) {
            bindPlain(count);
        } else {
            new HandoffServer(Integer.parseInt(arguments[1])).run(count);
        }
    }

    /** What Netty alone takes for as many new listeners, in a process that is as cold. */
    private static void bindPlain(int count) throws InterruptedException {
        EventLoopGroup group = EpollOrNio.eventLoops(1);
        try {
            bootNetty(group);
            long began = System.nanoTime();
            ServerBootstrap bootstrap = bootstrap(group).channel(EpollServerSocketChannel.class);
            bind(count, address -> bootstrap.bind(address));
            System.out.println("bound " + (System.nanoTime() - began));
        } finally {
            group.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
    }

    private void run(int count) throws IOException, InterruptedException, ExecutionException {
        LIBRARY.addHandler(moments);
        EventLoopGroup group = EpollOrNio.eventLoops(1);
        try {
            bootNetty(group);
            long names = System.nanoTime();
            try (Upgrader upgrader = Upgrader.builder().build()) {
                ServerBootstrap bootstrap = bootstrap(group);
                UpgradableServers servers = UpgradableServers.of(upgrader);
                bind(count, address -> servers.bind(bootstrap, address));
                serve(upgrader, names);
                upgrader.awaitExit();
            }
        } finally {
            group.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
    }

    /** What any server on Netty does at its start, with tableflip or not. */
    private static void bootNetty(EventLoopGroup group) throws InterruptedException {
        Channel channel = bootstrap(group)
                .channel(EpollServerSocketChannel.class)
                .bind("127.0.0.1", 0)
                .sync()
                .channel();
        channel.close().sync();
    }

    private static void bind(int count, Function<InetSocketAddress, ChannelFuture> bind) throws InterruptedException {
        List<ChannelFuture> bound = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            bound.add(bind.apply(address(i)));
        }
        for (ChannelFuture future : bound) {
            future.sync();
        }
    }

    private void serve(Upgrader upgrader, long names) throws IOException, InterruptedException, ExecutionException {
        int generation = upgrader.generation();
        long adopted = System.nanoTime();
        upgrader.ready().get();
        // each line in one piece: printf writes several, between which lines of other processes come
        System.out.println("child " + generation + " names " + names + " adopted " + adopted + " ready " + adopted);
        upgrader.parentExited().get();
        moments.prepared.await();
        System.out.println("settled " + generation);
        if (generation > upgrades) {
            upgrader.stop();
            return;
        }
        while (!Files.exists(Path.of("go." + generation))) {
            TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
        }
        long call = System.nanoTime();
        upgrader.upgrade().get();
        long returned = System.nanoTime();
        System.out.println("parent " + (generation + 1) + " call " + call + " spawned " + moments.spawned + " returned "
                + returned);
    }

    /** No two have the same address, so that no two have the same name. */
    private static InetSocketAddress address(int i) {
        return new InetSocketAddress("127.1." + i / 200 + "." + (i % 200 + 1), 0);
    }

    private static ServerBootstrap bootstrap(EventLoopGroup group) {
        return new ServerBootstrap().group(group).childHandler(new Closing());
    }

    @ChannelHandler.Sharable
    private static final class Closing extends ChannelInboundHandlerAdapter {
        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            ctx.close();
        }
    }

    /** What the library's log tells on the thread on which it happens. */
    private static final class Moments extends Handler {
        private final CountDownLatch prepared = new CountDownLatch(1);
        private volatile long spawned;

        @Override
        public void publish(LogRecord line) {
            String message = line.getMessage();
            if (message.contains("] upgrade: spawned ")) {
                spawned = System.nanoTime();
            } else if (message.contains("] prepared for the next upgrade ")) {
                prepared.countDown();
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
