package io.tableflip.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.unix.FileDescriptor;
import io.tableflip.core.Fd;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The Java side of {@link GoInteropIT}: does what {@code peer/main.go} does, gets the same arguments and speaks the same way. One loop
 * serves everything, so that anything that blocks it shows at once.
 *
 * <p>A process that has a parent does what the file {@code plan} in its directory says: {@code serve}, {@code exit}, {@code hang}, {@code wait
 * FILE} (before it is ready, until there is such a file).
 */
final class JavaPeer {
    /** Names the program that is started at an upgrade, this one or the other. */
    static final String START = "PEER_START";

    /** Short, since whoever asks for an upgrade keeps a connection open until it has ended. */
    private static final Duration READY_AFTER = Duration.ofMillis(100);

    private static final InetSocketAddress ANY_PORT = new InetSocketAddress("127.0.0.1", 0);

    private JavaPeer() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        say("starts");
        Epoll.ensureAvailability();
        EventLoopGroup group = loop();
        try (Upgrader upgrader = upgrader(directory, args)) {
            run(upgrader, group, directory);
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    private static Upgrader upgrader(Path directory, String... args) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(System.getenv(START));
        command.addAll(List.of(args));
        return Upgrader.builder()
                .pidFile(directory.resolve("service.pid"))
                .stopOn("TERM")
                .upgradeTimeout(Duration.parse("PT" + args[1]))
                .maxDrainBeforeCommit(READY_AFTER)
                .drainTimeout(Await.LIMIT)
                .childCommand(own -> own.withCommand(command))
                .build();
    }

    @SuppressWarnings("deprecation") // the name that exists on both lines of Netty
    private static EventLoopGroup loop() {
        return new EpollEventLoopGroup(1);
    }

    private static void run(Upgrader upgrader, EventLoopGroup group, Path directory) throws Exception {
        Channel tcp = UpgradableServers.of(upgrader)
                .bind(new ServerBootstrap().group(group).childHandler(new PeerAnswers.Lines(upgrader)), ANY_PORT)
                .sync()
                .channel();
        upgrader.register(PassedChannel.unix(upgrader.fds(), group, directory.resolve("unix.sock")));
        PassedChannel udp = PassedChannel.udp(upgrader.fds(), group, ANY_PORT);
        upgrader.register(udp);
        Fd log = upgrader.fds()
                .file("log", directory.resolve("audit"), StandardOpenOption.APPEND, StandardOpenOption.CREATE);
        say("has parent: " + upgrader.hasParent() + ", listening on " + text(tcp.localAddress()) + ", datagrams on "
                + text(udp.localAddress()));

        follow(directory.resolve("plan"), upgrader.hasParent());
        say("is about to be ready");
        write(log, "is about to be ready");
        upgrader.ready().thenRun(() -> say("is ready"));
        upgrader.parentExited().thenRun(() -> say("has no parent any more"));
        upgrader.awaitExit();
        write(log, "has finished");
        say("ends");
    }

    private static void follow(Path plan, boolean hasParent) throws Exception {
        String[] words = (hasParent && Files.exists(plan) ? Files.readString(plan) : "serve").split(" ", -1);
        switch (words[0]) {
            case "serve" -> {}
            case "exit" -> System.exit(3);
            case "hang" -> {
                say("hangs");
                new CountDownLatch(1).await();
            }
            case "wait" -> {
                say("waits");
                while (!Files.exists(Path.of(words[1]))) {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
                }
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private static String text(SocketAddress address) {
        InetSocketAddress inet = (InetSocketAddress) address;
        return inet.getAddress().getHostAddress() + ":" + inet.getPort();
    }

    /** By write(2) on the very descriptor, rather than by opening the file behind it once more. */
    private static void write(Fd log, String text) throws IOException {
        byte[] line = (name() + " " + text + "\n").getBytes(UTF_8);
        ByteBuffer buffer = ByteBuffer.allocateDirect(line.length).put(line).flip();
        int count = new FileDescriptor(log.number()).write(buffer, 0, line.length);
        if (count != line.length) {
            throw new IOException("the log took " + count + " bytes of " + line.length);
        }
    }

    static String name() {
        return "java " + ProcessHandle.current().pid();
    }

    private static void say(String text) {
        System.out.println(name() + " " + text);
    }
}
