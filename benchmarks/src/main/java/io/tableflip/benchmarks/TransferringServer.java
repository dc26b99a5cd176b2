package io.tableflip.benchmarks;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A {@link TransferServer} with its successors. Not thread-safe. */
final class TransferringServer implements AutoCloseable {
    private static final Pattern LISTENING = Pattern.compile("listening on 127.0.0.1:(\\d+)\\R");
    /** Longer than the drain timeout. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

    private static final int FEW_FILES = 200;

    private final Program program;
    private final InetSocketAddress address;
    private long current;

    /**
     * What has happened at an upgrade; times on the scale of {@link System#nanoTime}.
     *
     * @param signal when it was asked for
     * @param committed when the new process was the service
     * @param lastArrival when the new process had its last connection from the old one; the commit if there
     *     was none
     * @param gone when the old process had exited
     * @param transferred connections
     * @param total connections that the old process had
     * @param cpuMillis processor time of both processes, of the old one from its last accept, of the new one
     *     from the end of its warm-up
     */
    record Upgrade(
            long signal, long committed, long lastArrival, long gone, long transferred, long total, long cpuMillis) {
        double transferMillis() {
            return (lastArrival - committed) / 1e6;
        }

        double exitMillis() {
            return (gone - committed) / 1e6;
        }
    }

    private TransferringServer(Program program) throws InterruptedException {
        this.program = program;
        address = new InetSocketAddress(
                InetAddress.getLoopbackAddress(),
                Integer.parseInt(program.await(LISTENING).group(1)));
        current = program.firstPid();
    }

    /** @param options of the server, beside address and PID file */
    static TransferringServer start(Path directory, String... options) throws IOException, InterruptedException {
        Program program = program(directory, options);
        try {
            return new TransferringServer(program);
        } catch (InterruptedException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    /** As {@link #start}, but does not wait for it. */
    static Program program(Path directory, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(
                TransferServer.LISTEN,
                "127.0.0.1:0",
                TransferServer.PID_FILE,
                directory.resolve("pid").toString()));
        Collections.addAll(arguments, options);
        Path home = Path.of(System.getProperty("java.home"));
        return Program.start(
                "transfer",
                directory,
                Program.java(home, List.of("-Xmx512m"), TransferServer.class, arguments),
                environment -> {});
    }

    InetSocketAddress address() {
        return address;
    }

    /** Upgrades it, and waits until the old process has exited and the new one can be upgraded. */
    Upgrade upgrade() throws IOException, InterruptedException {
        long old = current;
        long signal = System.nanoTime();
        Program.signal("HUP", old);
        long gone = awaitEnd(old);
        Matcher committed = program.await(said(old, "committed", " to (\\d+)"));
        current = Long.parseLong(committed.group(2));
        Matcher drained = program.await(said(old, "drained", ", (\\d+) transferred of (\\d+), (\\d+) ms of CPU"));
        Matcher serving = program.await(said(current, "serving", ""));
        Matcher alone = program.await(
                said(current, "alone", ", (\\d+) connections from (-?\\d+) to (-?\\d+), (\\d+) ms of CPU"));
        long began = Stream.of(committed.group(1), serving.group(1), alone.group(3))
                .mapToLong(Long::parseLong)
                .min()
                .orElseThrow();
        long transferred = Long.parseLong(drained.group(2));
        if (transferred != Long.parseLong(alone.group(2))) {
            throw new BenchmarkException("sent and received do not match\n" + program.log());
        }
        return new Upgrade(
                signal,
                began,
                Math.max(began, Long.parseLong(alone.group(4))),
                gone,
                transferred,
                Long.parseLong(drained.group(3)),
                Long.parseLong(drained.group(4)) + Long.parseLong(alone.group(5)));
    }

    private static Pattern said(long pid, String what, String more) {
        return Pattern.compile("process " + pid + ": " + what + " at (\\d+)" + more);
    }

    /** Looks at nothing but this process, since connections are being transferred meanwhile. */
    private long awaitEnd(long pid) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE;
        while (!Processes.hasGone(pid)) {
            if (System.nanoTime() > end) {
                throw new BenchmarkException("the old process has not exited\n" + program.log());
            }
            TimeUnit.MILLISECONDS.sleep(2);
        }
        return System.nanoTime();
    }

    /** Waits until the server has seen that its clients have closed their connections. */
    void awaitFewConnections() throws InterruptedException {
        long end = System.nanoTime() + PATIENCE;
        while (openFiles(current) > FEW_FILES) {
            if (System.nanoTime() > end) {
                throw new BenchmarkException("connections are left\n" + program.log());
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    private static long openFiles(long pid) {
        try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return files.count();
        } catch (IOException e) {
            throw new BenchmarkException("descriptors of process " + pid, e);
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
