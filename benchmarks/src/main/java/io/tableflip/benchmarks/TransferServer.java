package io.tableflip.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpVersion;
import io.tableflip.core.DrainReport;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.Upgrader;
import io.tableflip.core.WarmUp;
import io.tableflip.examples.HttpExampleHandler;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.netty.transfer.HttpTransferHandler;
import io.tableflip.netty.transfer.TransferredConnection;
import io.tableflip.netty.warmup.LoopbackWarmUp;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The example's HTTP server, that transfers its connections, and prints when it does what: {@code --listen
 * HOST:PORT --pid-file PATH [--drain-timeout MILLIS] [--transfer] [--numbered] [--idle-boot]}. Without {@code
 * --transfer} it drains them by {@link DrainPolicy#HANDLERS}, and has no transfer handler. With {@code
 * --numbered} an answer has the number of its request. Times are those of {@link System#nanoTime}.
 */
final class TransferServer {
    static final String LISTEN = "--listen";
    static final String PID_FILE = "--pid-file";
    static final String DRAIN_TIMEOUT = "--drain-timeout";
    static final String TRANSFER = "--transfer";
    static final String NUMBERED = "--numbered";
    static final String IDLE_BOOT = "--idle-boot";

    /** As the example server has it. */
    private static final Duration WARM_UP = Duration.ofSeconds(3);

    private static final Duration LONGEST_IDLE_BOOT = Duration.ofSeconds(10);

    private final boolean transfers;
    private final boolean isNumbered;
    private final Upgrader upgrader;
    private final Arrivals arrivals = new Arrivals();

    private TransferServer(boolean transfers, boolean isNumbered, Upgrader upgrader) {
        this.transfers = transfers;
        this.isNumbered = isNumbered;
        this.upgrader = upgrader;
    }

    public static void main(String[] arguments) throws Exception {
        List<String> options = List.of(arguments);
        String listen = value(options, LISTEN, "");
        int colon = listen.lastIndexOf(':');
        InetSocketAddress address =
                new InetSocketAddress(listen.substring(0, colon), Integer.parseInt(listen.substring(colon + 1)));
        Steps steps = new Steps();
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(Path.of(value(options, PID_FILE, "")))
                .drainTimeout(Duration.ofMillis(Long.parseLong(value(options, DRAIN_TIMEOUT, "30000"))))
                .resourceCheck(ResourceCheck.OFF)
                .idleBoot(options.contains(IDLE_BOOT) ? LONGEST_IDLE_BOOT : Duration.ZERO)
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .listener(steps)
                .build()) {
            new TransferServer(options.contains(TRANSFER), options.contains(NUMBERED), upgrader).serve(address);
        }
        System.exit(0); // a helper thread of Netty would keep the JVM for a second
    }

    private static String value(List<String> options, String name, String otherwise) {
        int index = options.indexOf(name);
        return index < 0 ? otherwise : options.get(index + 1);
    }

    private void serve(InetSocketAddress address) throws Exception {
        EventLoopGroup boss = EpollOrNio.eventLoops(1);
        EventLoopGroup io = EpollOrNio.eventLoops(0);
        try {
            ServerBootstrap bootstrap = new ServerBootstrap().group(boss, io).childHandler(connections());
            Channel server = UpgradableServers.of(upgrader)
                    .bind(
                            bootstrap,
                            BindSpec.of(address).drain(transfers ? DrainPolicy.TRANSFER : DrainPolicy.HANDLERS))
                    .sync()
                    .channel();
            upgrader.ready(() -> warmUp(bootstrap), WARM_UP).thenRun(() -> {
                say("serving", System.nanoTime(), "");
                System.out.println("listening on 127.0.0.1:" + ((InetSocketAddress) server.localAddress()).getPort());
            });
            if (upgrader.generation() > 1) {
                upgrader.parentExited().thenRun(() -> say("alone", System.nanoTime(), arrivals.toString()));
            }
            upgrader.awaitExit();
        } finally {
            io.shutdownGracefully(0, 5, TimeUnit.SECONDS);
            boss.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
    }

    private void warmUp(ServerBootstrap bootstrap) throws Exception {
        DefaultFullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
        request.headers().set(HttpHeaderNames.HOST, "localhost");
        WarmUp warmUp = LoopbackWarmUp.http(bootstrap, request).build();
        try {
            warmUp.run();
        } finally {
            arrivals.begin();
        }
    }

    private ChannelInitializer<Channel> connections() {
        String json = "{\"pid\":" + ProcessHandle.current().pid() + ",\"generation\":" + upgrader.generation()
                + ",\"greeting\":\"hello\"}\n";
        ByteBuf description = Unpooled.unreleasableBuffer(Unpooled.copiedBuffer(json, StandardCharsets.UTF_8))
                .asReadOnly();
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                ChannelPipeline pipeline = channel.pipeline().addLast(new HttpServerCodec());
                if (transfers) {
                    pipeline.addLast(new HttpTransferHandler());
                }
                pipeline.addLast(new HttpDrainHandler()).addLast(new HttpServerKeepAliveHandler());
                if (isNumbered) {
                    pipeline.addLast(new NumberHandler());
                }
                pipeline.addLast(new HttpExampleHandler(description)).addLast(arrivals.watch());
            }
        };
    }

    private static void say(String what, long nanos, String more) {
        System.out.println("process " + ProcessHandle.current().pid() + ": " + what + " at " + nanos + more);
    }

    private static long cpuMillis() {
        return Program.cpuMillis(ProcessHandle.current().pid());
    }

    /** Connections that come from the parent. Thread-safe. */
    private static final class Arrivals {
        private final AtomicLong count = new AtomicLong();
        private final AtomicLong first = new AtomicLong(Long.MAX_VALUE);
        private final AtomicLong last = new AtomicLong(Long.MIN_VALUE);
        private volatile long cpuBefore;

        void begin() {
            cpuBefore = cpuMillis();
        }

        ChannelInboundHandlerAdapter watch() {
            return new ChannelInboundHandlerAdapter() {
                @Override
                public void channelActive(ChannelHandlerContext ctx) {
                    if (TransferredConnection.of(ctx.channel()).isPresent()) {
                        long now = System.nanoTime();
                        count.incrementAndGet();
                        first.accumulateAndGet(now, Math::min);
                        last.accumulateAndGet(now, Math::max);
                    }
                    ctx.fireChannelActive();
                    ctx.pipeline().remove(this);
                }
            };
        }

        @Override
        public String toString() {
            return ", " + count + " connections from " + first + " to " + last + ", " + (cpuMillis() - cpuBefore)
                    + " ms of CPU";
        }
    }

    /** Prints what this process does as a parent. */
    private static final class Steps implements LifecycleListener {
        private long cpuBefore;

        @Override
        public void childReady(long pid) {
            cpuBefore = cpuMillis();
        }

        @Override
        public void committed(long pid) {
            say("committed", System.nanoTime(), " to " + pid);
        }

        @Override
        public void drained(DrainReport report) {
            say(
                    "drained",
                    System.nanoTime(),
                    ", " + report.transferred() + " transferred of " + report.total() + ", " + (cpuMillis() - cpuBefore)
                            + " ms of CPU; not transferred: " + report.notTransferred());
        }
    }
}
