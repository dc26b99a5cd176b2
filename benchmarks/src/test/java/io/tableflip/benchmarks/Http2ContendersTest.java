package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("benchmarks")
class Http2ContendersTest {
    @TempDir
    Path directory;

    /** Such a connection is told nothing, and if it is used all the time, its worker does not end. */
    @Test
    @Timeout(120)
    void aWorkerOfNginxEndsThoughAConnectionWasBeingMade() throws IOException, InterruptedException {
        Contender nginx = nginx();
        assumeTrue(nginx.missing() == null, () -> "nginx: " + nginx.missing());
        Path home = Files.createDirectory(directory.resolve("nginx"));
        try (SignalShell shell = new SignalShell();
                Http2Probe probe = new Http2Probe();
                ContenderServer server = ContenderServer.start(nginx, home, shell, probe)) {
            long master = server.lastStarted();
            int processors = processors();
            // the first may answer before the last is there
            server.await("all workers", () -> workers(server, master).size() == processors, 10);
            List<Long> workers = workers(server, master);
            for (long worker : workers) {
                shell.send("STOP", worker);
            }
            InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port());
            try (Http2Load load = Http2Load.start(address, 50, 1)) {
                server.await(
                        "a connection in the queue",
                        () -> Listener.at(server.port()).queue() > 0,
                        10);
                Listener listener = Listener.at(server.port());
                shell.send("QUIT", master);
                // it closes its own when it has told the workers
                server.await("the end of the master's listener", () -> !listener.isHeldBy(master), 10);
                for (long worker : workers) {
                    shell.send("CONT", worker);
                }
                server.await("the end of all", () -> server.pids().stream().allMatch(Processes::hasGone), 10);
                assertTrue(load.answered() > 0, "the connection was not accepted: this test has seen nothing");
            }
        }
    }

    private Contender nginx() throws IOException, InterruptedException {
        Certificate certificate = Certificate.make(directory);
        return Http2Contenders.all(certificate, Duration.ZERO, () -> directory).stream()
                .filter(contender -> contender.name().equals("nginx, HUP"))
                .findFirst()
                .orElseThrow();
    }

    /** As nginx counts them. */
    private static int processors() throws IOException {
        Process getconf = new ProcessBuilder("getconf", "_NPROCESSORS_ONLN").start();
        byte[] output = getconf.getInputStream().readAllBytes();
        return Integer.parseInt(new String(output, StandardCharsets.US_ASCII).strip());
    }

    private static List<Long> workers(ContenderServer server, long master) {
        return server.pids().stream()
                .filter(pid -> Processes.isChildOf(pid, master))
                .toList();
    }

    /**
     * A socket that listens, as the kernel shows it.
     *
     * @param queue how many connections nobody has accepted yet
     */
    private record Listener(String inode, int queue) {
        private static final String LISTEN = "0A";

        static Listener at(int port) {
            try (Stream<String> lines = Files.lines(Path.of("/proc/net/tcp"))) {
                return lines.map(line -> line.strip().split(" +"))
                        .filter(fields -> fields[1].endsWith(String.format(":%04X", port)) && fields[3].equals(LISTEN))
                        .map(fields -> new Listener(
                                fields[9], Integer.parseInt(fields[4].substring(fields[4].indexOf(':') + 1), 16)))
                        .findFirst()
                        .orElseThrow();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        boolean isHeldBy(long pid) {
            try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
                return descriptors.anyMatch(this::isOpenAs);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private boolean isOpenAs(Path descriptor) {
            try {
                return Files.readSymbolicLink(descriptor).toString().equals("socket:[" + inode + "]");
            } catch (IOException e) {
                return false; // it has been closed since
            }
        }
    }
}
