package io.tableflip.core.lifecycle;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.tableflip.core.DrainReport;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.Participant;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.Upgrader;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.UnixPaths;
import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The program that the tests run as several generations. It does what the properties {@code t.*} say and
 * tells each step in a line {@code g<generation> p<pid> <event>}; all generations write into the same pipe.
 */
final class ServiceMain {
    private static String who = "g? p" + ProcessHandle.current().pid();

    private ServiceMain() {}

    static void say(String event) {
        // one write, so that the lines of two processes do not mix
        byte[] line = (who + " " + event + "\n").getBytes(UTF_8);
        System.out.write(line, 0, line.length);
        System.out.flush();
    }

    private static String option(String name) {
        return System.getProperty("t." + name, "");
    }

    private static Duration millis(String name, int otherwise) {
        return Duration.ofMillis(Long.getLong("t." + name, otherwise));
    }

    /** Waits for a file, if there is to be one. */
    private static void hold(String name) {
        if (!option(name).isEmpty()) {
            say("waits for " + name);
            while (!Files.exists(Path.of(option(name)))) {
                LockSupport.parkNanos(2_000_000);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Upgrader upgrader = build();
        who = "g" + upgrader.generation() + " p" + ProcessHandle.current().pid();
        say("built " + (upgrader.hasParent() ? "with a parent" : "without a parent"));
        describe();
        upgrader.parentExited().thenRun(() -> say("parentExited"));
        upgrader.register(new Steps());
        descriptors(upgrader);
        misbehave(upgrader);
        hold("hold" + upgrader.generation());
        upgrader.ready().whenComplete((done, failure) -> say(failure == null ? "ready" : "ready failed: " + failure));
        try {
            upgrader.awaitExit();
            say("exit");
        } catch (IllegalStateException e) {
            say("awaitExit threw " + e + " caused by " + e.getCause());
            System.exit(1);
        }
    }

    private static Upgrader build() throws IOException {
        Upgrader.Builder builder = Upgrader.builder()
                .upgradeOn("HUP")
                .stopOn("TERM")
                .maxDrainBeforeCommit(millis("readyAfter", 0))
                .upgradeTimeout(millis("upgradeTimeout", 60_000))
                .exitDeadline(millis("exitDeadline", 60_000))
                .idleBoot(millis("idleBoot", 0))
                .listener(new Events());
        if (!option("pid").isEmpty()) {
            builder.pidFile(Path.of(option("pid")));
        }
        if (!option("child").isEmpty()) {
            builder.childCommand(own ->
                    own.withCommand(Arrays.stream(option("child").split("\n"))
                            .flatMap(part -> part.equals("OWN") ? own.command().stream() : List.of(part).stream())
                            .toList()));
        }
        return builder.build();
    }

    /** What this process was started with. */
    private static void describe() throws IOException {
        List<String> environment = new ArrayList<>(RawString.decodeBlock(new ProcFs().environment()));
        environment.removeIf(variable -> variable.startsWith("TABLEFLIP_"));
        byte[] commandLine = new ProcFs().commandLine();
        say("command " + commandLine.length + " " + Arrays.hashCode(commandLine));
        say("environment " + environment.size() + " " + environment.hashCode());
        say("jpackage " + environment.stream().anyMatch(variable -> variable.startsWith("_JPACKAGE_LAUNCHER=")));
        say("directory " + new ProcFs().workingDirectory().toRealPath());
    }

    private static void descriptors(Upgrader upgrader) throws IOException {
        if (!option("log").isEmpty()) {
            Fd log = upgrader.fds()
                    .file("log", Path.of(option("log")), StandardOpenOption.APPEND, StandardOpenOption.CREATE);
            try (FileChannel channel = log.openChannel(StandardOpenOption.APPEND)) {
                channel.write(ByteBuffer.wrap((who + "\n").getBytes(UTF_8)));
            }
        }
        if (upgrader.hasParent()) {
            return;
        }
        if (!option("extra").isEmpty()) {
            upgrader.fds().file("extra", Path.of(option("extra")), StandardOpenOption.WRITE, StandardOpenOption.CREATE);
        }
        if (Boolean.getBoolean("t.serve")) {
            serve();
        }
        if (!option("unix").isEmpty()) {
            listen(upgrader, Path.of(option("unix")));
        }
        for (int i = 0; i < Integer.getInteger("t.many", 0); i++) {
            upgrader.fds().add(FdName.file("n".repeat(1000) + i), use -> {
                use.accept(0);
                return CompletableFuture.completedFuture(null);
            });
        }
    }

    /** Sockets that are not passed on. */
    private static void serve() throws IOException {
        ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        say("listens on " + server.getLocalPort());
        Thread thread = new Thread(() -> {
            try {
                while (true) {
                    Socket accepted = server.accept();
                    say("accepted " + accepted); // left open
                }
            } catch (IOException e) {
                say("does not accept any more: " + e);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void listen(Upgrader upgrader, Path path) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path));
        UnixPaths paths = new UnixPaths(new ProcFs());
        for (int i = 3; i <= new ProcFs().highestFd(); i++) {
            int fd = i;
            if (paths.of(fd).isPresent()) {
                upgrader.fds().add(FdName.listener("unix", "logical"), use -> {
                    use.accept(server.isOpen() ? fd : -1);
                    return CompletableFuture.completedFuture(null);
                });
            }
        }
    }

    private static void misbehave(Upgrader upgrader) throws IOException {
        switch (option("gen" + upgrader.generation())) {
            case "crash" -> Runtime.getRuntime().halt(3);
            case "exit" -> System.exit(4);
            case "report" -> {
                upgrader.reportFailure(new IOException("bind 0.0.0.0:9090: Address already in use"));
                upgrader.close();
            }
            case "close" -> upgrader.close();
            case "hang" -> hang();
            case "stuck" -> new Thread(ServiceMain::hang, "a-forgotten-loop").start();
            case "twice" -> {
                try {
                    say("second build: " + Upgrader.builder().build());
                } catch (IllegalStateException e) {
                    say("second build: " + e.getMessage());
                }
            }
            case "grandchild" ->
                new ProcessBuilder(
                                Objects.requireNonNull(
                                        ProcessHandle.current().info().command().orElse(null)),
                                "-cp",
                                System.getProperty("java.class.path"),
                                ServiceMain.class.getName())
                        .inheritIO()
                        .start();
            case "helper" ->
                say("helper "
                        + new ProcessBuilder("sleep", "1000")
                                .inheritIO()
                                .start()
                                .pid());
            default -> {}
        }
    }

    private static void hang() {
        say("hangs");
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A participant that tells its calls. */
    private static final class Steps implements Participant {
        private volatile @Nullable CompletableFuture<DrainReport> drained;

        @Override
        public CompletionStage<?> resume() {
            CompletableFuture<DrainReport> draining = drained;
            if (draining != null) {
                draining.complete(DrainReport.NOTHING);
            }
            say("resume");
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<?> pause() {
            say("pause");
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<?> release() {
            say("release");
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<DrainReport> drain(Duration timeout) {
            say("drain");
            CompletableFuture<DrainReport> draining = new CompletableFuture<>();
            drained = draining;
            Thread thread = new Thread(() -> {
                hold("drain");
                draining.complete(DrainReport.NOTHING);
            });
            thread.setDaemon(true);
            thread.start();
            return draining;
        }
    }

    private static final class Events implements LifecycleListener {
        @Override
        public void spawned(long pid) {
            say("spawned " + pid);
        }

        @Override
        public void childReady(long pid) {
            say("childReady " + pid);
        }

        @Override
        public void committed(long pid) {
            say("committed " + pid);
            if (Boolean.getBoolean("t.gc")) {
                IntStream.range(0, 5).forEach(i -> System.gc());
                say("gc");
            }
        }

        @Override
        public void rolledBack(UpgradeException reason) {
            say("rolledBack " + reason.reason() + " status " + reason.exitStatus() + ": " + reason.getMessage());
        }
    }
}
