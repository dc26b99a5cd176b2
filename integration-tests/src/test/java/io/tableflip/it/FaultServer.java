package io.tableflip.it;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.http.HttpServerCodec;
import io.tableflip.core.ChildCommand;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import io.tableflip.core.testing.TestSeam;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.transfer.HttpTransferHandler;
import io.tableflip.netty.transfer.Leaving;
import io.tableflip.netty.transfer.TransferredConnection;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The program of the fault matrix: a server like any other, that can be stopped at each step of an upgrade ({@link FaultSteps}). Its time is
 * that of {@link SharedClock}.
 *
 * <p>Arguments: the directory, the milliseconds of {@code readyAfter}, how many descriptors with names of 4
 * kB its first generation passes on, the seconds of its drain timeout, and whether it transfers connections.
 */
final class FaultServer {
    /** Of every program under test. */
    static final Duration UPGRADE_TIMEOUT = Duration.ofSeconds(40);

    private FaultServer() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        FaultSteps steps = new FaultSteps(directory);
        steps.reached("main");
        Upgrader.Builder builder = Upgrader.builder()
                .pidFile(directory.resolve("service.pid"))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .upgradeTimeout(UPGRADE_TIMEOUT)
                .maxDrainBeforeCommit(Duration.ofMillis(Long.parseLong(args[1])))
                .drainTimeout(Duration.ofSeconds(Long.parseLong(args[3])))
                .childCommand(own -> {
                    steps.reached("command");
                    return throughScript(own, directory.resolve("start"));
                })
                .listener(steps.listener());
        TestSeam.open().clock(builder, new SharedClock(directory.resolve("clock")));
        TestSeam.open().checkpoints(builder, steps::reached);
        EventLoopGroup group = PlannedServer.loops();
        try (Upgrader upgrader = builder.build()) {
            Initializer initializer = new Initializer(upgrader.generation(), steps, Boolean.parseBoolean(args[4]));
            serve(upgrader, steps, group, directory, Integer.parseInt(args[2]), initializer);
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    private static void serve(
            Upgrader upgrader,
            FaultSteps steps,
            EventLoopGroup group,
            Path directory,
            int names,
            Initializer initializer)
            throws Exception {
        stopWhenTold(upgrader, directory);
        steps.reached("built");
        upgrader.register(steps.participant());
        ServerBootstrap bootstrap = new ServerBootstrap().group(group).childHandler(initializer);
        BindSpec spec = BindSpec.of(new InetSocketAddress("127.0.0.1", 0))
                .drain(initializer.transfers ? DrainPolicy.TRANSFER : DrainPolicy.HANDLERS);
        var bound = UpgradableServers.of(upgrader).bind(bootstrap, spec).sync();
        System.out.println("listening on " + PlannedServer.text(bound.channel().localAddress()));
        if (!upgrader.hasParent()) {
            addFiles(upgrader, names);
        }
        steps.reached("bound");
        upgrader.ready();
        upgrader.awaitExit();
        steps.reached("exiting");
    }

    /** The pipeline of a connection, which may stop when it is transferred. */
    private static final class Initializer extends ChannelInitializer<Channel> {
        private final int generation;
        private final FaultSteps steps;
        private final boolean transfers;

        Initializer(int generation, FaultSteps steps, boolean transfers) {
            this.generation = generation;
            this.steps = steps;
            this.transfers = transfers;
        }

        @Override
        protected void initChannel(Channel channel) {
            ChannelPipeline pipeline = channel.pipeline();
            pipeline.addLast(new PlannedServer.Initializer(generation, true));
            if (transfers) {
                String codec = pipeline.context(HttpServerCodec.class).name();
                pipeline.addAfter(codec, "transfer", new HttpTransferHandler());
                pipeline.addLast(new TransferSteps(steps));
            }
        }
    }

    /** The steps of one connection: it is about to leave, it has arrived. */
    private static final class TransferSteps extends ChannelInboundHandlerAdapter {
        private final FaultSteps steps;

        TransferSteps(FaultSteps steps) {
            this.steps = steps;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof Leaving) {
                steps.reached("leaving");
            }
            context.fireUserEventTriggered(event);
        }

        @Override
        public void channelActive(ChannelHandlerContext context) {
            if (TransferredConnection.of(context.channel()).isPresent()) {
                steps.reached("arrived");
            }
            context.fireChannelActive();
        }
    }

    /** The child goes through a script that can be held before it has come to the JVM. */
    private static ChildCommand throughScript(ChildCommand own, Path script) {
        List<String> command = new ArrayList<>(List.of("/bin/sh", script.toString()));
        command.addAll(own.command());
        return own.withCommand(command);
    }

    private static void addFiles(Upgrader upgrader, int number) {
        for (int i = 0; i < number; i++) {
            upgrader.fds().add(FdName.file("n".repeat(4000) + i), use -> {
                use.accept(0); // its standard input
                return CompletableFuture.completedFuture(null);
            });
        }
    }

    /** Calls {@code stop()} as soon as there is a file {@code stop.} and the process id. */
    private static void stopWhenTold(Upgrader upgrader, Path directory) {
        Path told = directory.resolve("stop." + ProcessHandle.current().pid());
        Thread thread = new Thread(
                () -> {
                    while (!Files.exists(told)) {
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
                    }
                    upgrader.stop();
                    new FaultSteps(directory).reached("stop()");
                },
                "stop-when-told");
        thread.setDaemon(true);
        thread.start();
    }
}
