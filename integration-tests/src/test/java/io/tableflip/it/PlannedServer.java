package io.tableflip.it;

import static java.util.Objects.requireNonNull;

import com.sun.management.HotSpotDiagnosticMXBean;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.UnixChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.Version;
import io.tableflip.core.ChildCommand;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Participant;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A server whose next generation does what the file {@code plan} in its directory says: {@code serve}, {@code crash} (an exception in
 * main), {@code exit0}, {@code hang} (before ready), {@code wait PATH} (before ready, until there is such a
 * file), {@code bind PORT} (a second listener),
 * {@code unix NAME} (one at a Unix socket of that name in the directory), {@code plain NAME} (the same by
 * Netty alone, and added to the descriptors), {@code remove NAME} (that file, and then an exception in main).
 *
 * <p>Options: {@code --directory DIR}, {@code --without-drain-handler}, {@code --drain-timeout MS}, {@code --ready-after MS},
 * {@code --upgrade-timeout MS}, {@code --exit-deadline MS},
 * {@code --resource-check OFF|WARN|REFUSE}, {@code --idle-threads N} (in the first generation only),
 * {@code --full-heap-later}, {@code --endless-warm-up}. The lines of the file {@code options} in the
 * directory, if there is one, are the JVM options of the next generation. A generation ends with the status
 * in the file {@code status.GENERATION}, if there is one.
 */
final class PlannedServer {
    private PlannedServer() {}

    public static void main(String[] args) throws Exception {
        List<String> options = List.of(args);
        Path directory = Path.of(options.get(options.indexOf("--directory") + 1));
        EventLoopGroup group = loops();
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(directory.resolve("service.pid"))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .drainTimeout(millis(options, "--drain-timeout", 60_000))
                .maxDrainBeforeCommit(millis(options, "--ready-after", 5_000))
                .upgradeTimeout(millis(options, "--upgrade-timeout", 60_000))
                .exitDeadline(millis(options, "--exit-deadline", 10_000))
                .resourceCheck(ResourceCheck.valueOf(text(options, "--resource-check", "WARN")))
                .childCommand(own -> withOptions(own, directory.resolve("options")))
                .build()) {
            UpgradableServers servers = UpgradableServers.of(upgrader);
            ServerBootstrap bootstrap = new ServerBootstrap()
                    .group(group)
                    .childHandler(new Initializer(upgrader.generation(), !options.contains("--without-drain-handler")));
            Channel listener = servers.bind(bootstrap, new InetSocketAddress("127.0.0.1", 0))
                    .sync()
                    .channel();
            System.out.println("listening on " + text(listener.localAddress()) + ", Java " + Runtime.version()
                    + ", Netty " + netty());
            if (options.contains("--full-heap-later")) {
                tellSoftMaximum("at first");
                upgrader.parentExited().thenRun(PlannedServer::takeFullHeap);
            }
            if (upgrader.generation() == 1) {
                startThreads(Integer.parseInt(text(options, "--idle-threads", "0")));
            }
            follow(directory, upgrader, bootstrap);
            if (options.contains("--endless-warm-up")) {
                upgrader.ready(PlannedServer::warmUpForEver, Duration.ofSeconds(50));
            } else {
                upgrader.ready();
            }
            upgrader.awaitExit();
            endWith(directory.resolve("status." + upgrader.generation()));
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    private static void endWith(Path status) throws IOException {
        if (Files.exists(status)) {
            System.exit(Integer.parseInt(Files.readString(status)));
        }
    }

    private static void warmUpForEver() throws InterruptedException {
        System.out.println("warming up");
        new CountDownLatch(1).await();
    }

    private static void startThreads(int number) {
        for (int i = 0; i < number; i++) {
            Thread idle = new Thread(LockSupport::park, "idle");
            idle.setDaemon(true);
            idle.start();
        }
    }

    private static String netty() {
        return requireNonNull(Version.identify().get("netty-transport-classes-epoll"))
                .artifactVersion();
    }

    @SuppressWarnings("deprecation") // the name that exists on both lines of Netty
    static EventLoopGroup loops() {
        return new EpollEventLoopGroup(2);
    }

    private static void follow(Path directory, Upgrader upgrader, ServerBootstrap bootstrap) throws Exception {
        UpgradableServers servers = UpgradableServers.of(upgrader);
        Path plan = directory.resolve("plan");
        String[] words = (Files.exists(plan) ? Files.readString(plan).strip() : "serve").split(" ", -1);
        switch (words[0]) {
            case "serve" -> {}
            case "crash" -> throw new IllegalStateException("the plan says crash");
            case "exit0" -> System.exit(0);
            case "hang" -> {
                System.out.println("hanging");
                new CountDownLatch(1).await();
            }
            case "wait" -> {
                do { // at least once, by which a recording shows that it would have shown the waits of others
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
                } while (!Files.exists(Path.of(words[1])));
            }
            case "bind" ->
                servers.bind(bootstrap, new InetSocketAddress("127.0.0.1", Integer.parseInt(words[1])))
                        .sync();
            case "unix" ->
                servers.bind(
                                bootstrap,
                                new DomainSocketAddress(
                                        directory.resolve(words[1]).toString()))
                        .sync();
            case "plain" -> bindPlain(directory.resolve(words[1]), upgrader, bootstrap);
            case "remove" -> {
                Files.delete(directory.resolve(words[1]));
                throw new IllegalStateException("removed " + words[1]);
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private static void bindPlain(Path path, Upgrader upgrader, ServerBootstrap bootstrap) throws InterruptedException {
        FdName name = FdName.listener("unix", path.toString());
        Optional<Fd> inherited = upgrader.fds().inherit(name);
        ServerBootstrap copy = bootstrap.clone();
        Channel channel = (inherited.isPresent()
                        ? copy.channelFactory(() -> new EpollServerDomainSocketChannel(
                                        inherited.get().release(), true))
                                .register()
                        : copy.channel(EpollServerDomainSocketChannel.class)
                                .bind(new DomainSocketAddress(path.toString())))
                .sync()
                .channel();
        upgrader.fds().add(name, use -> {
            use.accept(((UnixChannel) channel).fd().intValue());
            return CompletableFuture.completedFuture(null);
        });
        upgrader.register(new Participant() {
            @Override
            public CompletionStage<?> release() {
                CompletableFuture<Void> closed = new CompletableFuture<>();
                channel.close().addListener(done -> closed.complete(null));
                return closed;
            }
        });
    }

    /** The options of the JVM that the next generation gets, one a line. */
    private static ChildCommand withOptions(ChildCommand own, Path file) {
        try {
            return Files.exists(file)
                    ? own.withJvmOptions(Files.readAllLines(file).toArray(String[]::new))
                    : own;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As in docs/resources.md. */
    private static void takeFullHeap() {
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                .setVMOption(
                        "SoftMaxHeapSize", Long.toString(Runtime.getRuntime().maxMemory()));
        tellSoftMaximum("now");
    }

    private static void tellSoftMaximum(String when) {
        System.out.println("soft maximum of the heap " + when + ": "
                + ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                        .getVMOption("SoftMaxHeapSize")
                        .getValue());
    }

    private static String text(List<String> options, String name, String otherwise) {
        int at = options.indexOf(name);
        return at < 0 ? otherwise : options.get(at + 1);
    }

    private static Duration millis(List<String> options, String name, long otherwise) {
        return Duration.ofMillis(Long.parseLong(text(options, name, Long.toString(otherwise))));
    }

    static String text(SocketAddress address) {
        InetSocketAddress inet = (InetSocketAddress) address;
        return inet.getAddress().getHostAddress() + ":" + inet.getPort();
    }

    static final class Initializer extends ChannelInitializer<Channel> {
        private final int generation;
        private final boolean drains;

        Initializer(int generation, boolean drains) {
            this.generation = generation;
            this.drains = drains;
        }

        @Override
        protected void initChannel(Channel channel) {
            channel.pipeline().addLast(new HttpServerCodec());
            if (drains) {
                channel.pipeline().addLast(new HttpDrainHandler());
            }
            channel.pipeline().addLast(new HttpObjectAggregator(1 << 16), new Handler(generation));
        }
    }

    /** {@code /} answers at once, {@code /slow?ms=N} later, {@code /until?PATH} as soon as there is such a file. */
    private static final class Handler extends SimpleChannelInboundHandler<FullHttpRequest> {
        private static final String SLOW = "/slow?ms=";
        private static final String UNTIL = "/until?";

        private final int generation;

        Handler(int generation) {
            this.generation = generation;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            boolean keepAlive = HttpUtil.isKeepAlive(request);
            String uri = request.uri();
            if (uri.startsWith(UNTIL)) {
                answerWhenThere(context, Path.of(uri.substring(UNTIL.length())), keepAlive);
            } else {
                long delay = uri.startsWith(SLOW) ? Long.parseLong(uri.substring(SLOW.length())) : 0;
                context.executor().schedule(() -> answer(context, keepAlive), delay, TimeUnit.MILLISECONDS);
            }
        }

        private void answerWhenThere(ChannelHandlerContext context, Path file, boolean keepAlive) {
            if (Files.exists(file)) {
                answer(context, keepAlive);
            } else if (context.channel().isActive()) {
                context.executor().schedule(() -> answerWhenThere(context, file, keepAlive), 10, TimeUnit.MILLISECONDS);
            }
        }

        private void answer(ChannelHandlerContext context, boolean keepAlive) {
            String body = "{\"pid\":" + ProcessHandle.current().pid() + ",\"generation\":" + generation
                    + ",\"greeting\":\"test\"}\n";
            FullHttpResponse response = new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.OK, Unpooled.copiedBuffer(body, StandardCharsets.UTF_8));
            HttpUtil.setContentLength(response, response.content().readableBytes());
            response.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
            HttpUtil.setKeepAlive(response, keepAlive);
            var written = context.writeAndFlush(response);
            if (!keepAlive) {
                written.addListener(ChannelFutureListener.CLOSE);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close(); // clients come and go
        }
    }
}
