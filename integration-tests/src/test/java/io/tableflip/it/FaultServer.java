package io.tableflip.it;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.EventLoopGroup;
import io.tableflip.core.ChildCommand;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import io.tableflip.core.testing.TestSeam;
import io.tableflip.netty.UpgradableServers;
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
 * <p>Arguments: the directory, the milliseconds of {@code readyAfter}, and how many descriptors with names of 4 kB its first generation passes on.
 */
final class FaultServer {
    /** Of every program under test; the drain is to outlast any time that a test lets pass. */
    static final Duration UPGRADE_TIMEOUT = Duration.ofSeconds(40);

    private static final Duration DRAIN_TIMEOUT = Duration.ofHours(1);

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
                .drainTimeout(DRAIN_TIMEOUT)
                .childCommand(own -> {
                    steps.reached("command");
                    return throughScript(own, directory.resolve("start"));
                })
                .listener(steps.listener());
        TestSeam.open().clock(builder, new SharedClock(directory.resolve("clock")));
        TestSeam.open().checkpoints(builder, steps::reached);
        EventLoopGroup group = PlannedServer.loops();
        try (Upgrader upgrader = builder.build()) {
            serve(upgrader, steps, group, directory, Integer.parseInt(args[2]));
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    private static void serve(Upgrader upgrader, FaultSteps steps, EventLoopGroup group, Path directory, int names)
            throws Exception {
        stopWhenTold(upgrader, directory);
        steps.reached("built");
        upgrader.register(steps.participant());
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(group)
                .childHandler(new PlannedServer.Initializer(upgrader.generation(), true));
        var bound = UpgradableServers.of(upgrader)
                .bind(bootstrap, new InetSocketAddress("127.0.0.1", 0))
                .sync();
        System.out.println("listening on " + PlannedServer.text(bound.channel().localAddress()));
        if (!upgrader.hasParent()) {
            addFiles(upgrader, names);
        }
        steps.reached("bound");
        upgrader.ready();
        upgrader.awaitExit();
        steps.reached("exiting");
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
