package io.tableflip.examples;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpVersion;
import io.tableflip.core.ChildCommand;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.Upgrader;
import io.tableflip.core.WarmUp;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.EpollOrNio;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import io.tableflip.netty.transfer.HttpTransferHandler;
import io.tableflip.netty.warmup.LoopbackWarmUp;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP server that replaces itself on SIGHUP: new code, new configuration, the same listening socket. Meant to be
 * read from top to bottom, and copied.
 */
final class HttpExample {
    private HttpExample() {}

    /** Returns when this process was upgraded or stopped, and has finished what its clients had begun. */
    static void run(HttpOptions options, List<String> commandLine)
            throws IOException, InvalidConfigException, InterruptedException {
        // First of all: from here on a SIGHUP is answered, and does not end the JVM. Where there is no epoll it is a
        // stub.
        try (Upgrader upgrader = EpollOrNio.upgrader(Upgrader.builder()
                .pidFile(options.pidFile())
                .maxDrainBeforeCommit(options.maxDrainBeforeCommit())
                .drainTimeout(options.drainTimeout())
                .upgradeTimeout(options.upgradeTimeout())
                .resourceCheck(options.resourceCheck())
                .idleBoot(options.idleBoot())
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .childCommand(command -> viaStartScript(command, commandLine))
                .listener(new Announcer()))) {
            try {
                serve(upgrader, options);
            } catch (IOException | InvalidConfigException e) {
                // If this is the new process of an upgrade, the old one says these words too, and serves on.
                upgrader.reportFailure(e);
                throw e;
            }
        }
    }

    private static void serve(Upgrader upgrader, HttpOptions options)
            throws IOException, InvalidConfigException, InterruptedException {
        Config config = Config.read(options.config());
        ByteBuf description = description(upgrader, config);
        EventLoopGroup boss = EpollOrNio.eventLoops(1);
        EventLoopGroup io = EpollOrNio.eventLoops(0);
        try {
            // With HttpTransferHandler, connections go on in the new process. HttpDrainHandler says
            // "Connection: close" to the clients of those that cannot, and of all when the service stops.
            ServerBootstrap bootstrap = new ServerBootstrap()
                    .group(boss, io)
                    .childHandler(new ChannelInitializer<Channel>() {
                        @Override
                        protected void initChannel(Channel channel) {
                            channel.pipeline()
                                    .addLast(new HttpServerCodec())
                                    .addLast(new HttpTransferHandler())
                                    .addLast(new HttpDrainHandler())
                                    .addLast(new HttpServerKeepAliveHandler())
                                    .addLast(new HttpExampleHandler(description));
                        }
                    });
            // The listening socket that the old process passed on, or a new one. It accepts nothing yet.
            Channel server = UpgradableServers.of(upgrader)
                    .bind(bootstrap, BindSpec.of(options.listen()).drain(policy(options)))
                    .sync()
                    .channel();
            // Accepts from here on. In an upgrade the old process now drains, and then makes way.
            CompletableFuture<Void> ready = options.warmUp().isZero()
                    ? upgrader.ready()
                    // before that, a new process warms up; a first one has nobody who serves meanwhile, so it does not
                    // even make one
                    : upgrader.ready(() -> warmUp(bootstrap).run(), options.warmUp());
            ready.thenRun(() -> announce(upgrader, (InetSocketAddress) server.localAddress()));
            upgrader.awaitExit();
        } finally {
            // Everything has drained. Any quiet period would only delay the next upgrade.
            io.shutdownGracefully(0, 5, TimeUnit.SECONDS);
            boss.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
    }

    private static DrainPolicy policy(HttpOptions options) {
        return options.connections().policy(DrainPolicy.HANDLERS.spreadOver(options.spread()));
    }

    /** What clients ask most, through the handlers above. */
    private static WarmUp warmUp(ServerBootstrap bootstrap) {
        FullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
        request.headers().set(HttpHeaderNames.HOST, "localhost");
        return LoopbackWarmUp.http(bootstrap, request).build();
    }

    /**
     * What to start at an upgrade: the start script again, if this program was started by one that exports its own path in
     * TABLEFLIP_LAUNCHER. So changed JVM flags in the script count. The script has to end in {@code exec java
     * ...}, and keeps its environment as hello.sh does.
     */
    private static ChildCommand viaStartScript(ChildCommand command, List<String> commandLine) {
        @Nullable String launcher = command.environment().get("TABLEFLIP_LAUNCHER");
        if (launcher == null) {
            return command; // exactly the command line of this process
        }
        List<String> viaScript = new ArrayList<>(commandLine);
        viaScript.add(0, launcher);
        return command.withStartScript(viaScript);
    }

    /** Made once: while this process lives, it says the same, whatever becomes of the config file. */
    private static ByteBuf description(Upgrader upgrader, Config config) {
        String greeting =
                config.greeting().replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
        String json = "{\"pid\":" + ProcessHandle.current().pid() + ",\"generation\":" + upgrader.generation()
                + ",\"greeting\":\"" + greeting + "\"}\n";
        return Unpooled.unreleasableBuffer(Unpooled.copiedBuffer(json, StandardCharsets.UTF_8))
                .asReadOnly();
    }

    private static void announce(Upgrader upgrader, InetSocketAddress address) {
        System.out.println("listening on " + Args.text(address) + " (pid "
                + ProcessHandle.current().pid() + ", generation " + upgrader.generation() + ")");
    }

    /** Tells the steps of each upgrade. The library logs it too; a program might raise an alarm here. */
    private static final class Announcer implements LifecycleListener {
        @Override
        public void committed(long pid) {
            System.out.println("upgraded: process " + pid + " is the service now");
        }

        @Override
        public void rolledBack(UpgradeException failure) {
            System.out.println("not upgraded (" + failure.reason() + "): " + failure.getMessage());
        }

        @Override
        public void parentExited() {
            System.out.println("the old process has gone: process "
                    + ProcessHandle.current().pid() + " can be upgraded now");
        }
    }
}
