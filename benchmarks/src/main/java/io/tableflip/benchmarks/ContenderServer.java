package io.tableflip.benchmarks;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;
import java.util.stream.Collectors;

/** A {@link Contender} that runs: none of its processes is left after {@link #close}. Not thread-safe but for {@link #pids}. */
final class ContenderServer implements AutoCloseable {
    /**
     * Starts what stands on the lines of a FIFO. So all processes of a server are of one session: the kernel shares the processors out among
     * sessions, and a server is not to get more because its successor is started by hand.
     */
    private static final List<String> LAUNCHER = List.of(
            "sh", "-c", "mkfifo commands; exec 3<>commands; : >open; while read -r line <&3; do eval \"$line\"; done");

    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

    private final Contender contender;
    private final Path directory;
    private final SignalShell shell;
    private final Probe probe;
    private final int port;
    private final Program launcher;
    /** Those that were started by a command: the first one, and its successors. */
    private final List<Long> started = new ArrayList<>();

    /** Asks on a new connection. */
    interface Probe {
        /** The process that answers; 0 if none does. */
        long whoAnswers(int port) throws InterruptedException;
    }

    private ContenderServer(Contender contender, Path directory, SignalShell shell, Probe probe) throws IOException {
        this.contender = contender;
        this.directory = directory;
        this.shell = shell;
        this.probe = probe;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        launcher = Program.start(contender.name(), directory, LAUNCHER, environment -> {});
    }

    /** Starts it, and waits until it answers. */
    static ContenderServer start(Contender contender, Path directory, SignalShell shell)
            throws IOException, InterruptedException {
        return start(contender, directory, shell, Processes::whoAnswers);
    }

    /** Starts one that does not speak HTTP/1.1 in clear text. */
    static ContenderServer start(Contender contender, Path directory, SignalShell shell, Probe probe)
            throws IOException, InterruptedException {
        ContenderServer server = new ContenderServer(contender, directory, shell, probe);
        try {
            server.await("the launcher", () -> Files.exists(directory.resolve("open")), 2);
            server.launch(contender.command().of(server));
            server.awaitAnswer("an answer", pid -> true);
            return server;
        } catch (IOException | InterruptedException | RuntimeException e) {
            server.close();
            throw e;
        }
    }

    Path directory() {
        return directory;
    }

    int port() {
        return port;
    }

    String address() {
        return InetAddress.getLoopbackAddress().getHostAddress() + ":" + port;
    }

    /** The process that a command has started last. */
    long lastStarted() {
        return started.get(started.size() - 1);
    }

    /** Its processes that run. */
    Set<Long> pids() {
        Set<Long> pids = new HashSet<>(launcher.pids());
        pids.remove(launcher.firstPid());
        return pids;
    }

    void launch(List<String> command) throws IOException, InterruptedException {
        String file = "started" + started.size();
        String words = command.stream()
                .map(word -> "'" + word.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
        // A shell lets its background jobs ignore these two signals.
        String line = "env --default-signal=INT,QUIT " + words + " 3>&- & echo $! >" + file + "\n";
        Files.writeString(directory.resolve("commands"), line, StandardOpenOption.WRITE);
        started.add(awaitPid(file, pid -> true));
    }

    void signal(String name, long pid) throws IOException {
        shell.send(name, pid);
    }

    /**
     * What has happened at an upgrade.
     *
     * @param nanos when it began: the first signal, or the start of the new process
     * @param before the processes of that moment
     */
    record Mark(long nanos, Set<Long> before) {}

    /** Upgrades it, and waits until all processes have gone that the upgrade replaces. */
    Mark upgrade() throws IOException, InterruptedException {
        Mark mark = new Mark(System.nanoTime(), pids());
        contender.upgrade().of(this);
        Set<Long> leaving = new HashSet<>(mark.before());
        if (contender.stays()) {
            leaving.remove(started.get(0));
        }
        await("the end of the old processes", () -> leaving.stream().allMatch(Processes::hasGone), 20);
        if (mark.before().containsAll(pids())) {
            throw new BenchmarkException(contender.name() + ": no new process\n" + log());
        }
        return mark;
    }

    /** Waits for a file that names a process that is accepted. */
    long awaitPid(String file, LongPredicate accepted) throws InterruptedException {
        long[] pid = new long[1];
        await(
                "a new process in " + file,
                () -> {
                    pid[0] = pid(directory.resolve(file));
                    return pid[0] > 0 && accepted.test(pid[0]);
                },
                5);
        return pid[0];
    }

    private static long pid(Path file) {
        try {
            return Files.exists(file) ? Long.parseLong(Files.readString(file).strip()) : 0;
        } catch (IOException | NumberFormatException e) {
            return 0; // it is being written or replaced
        }
    }

    /** Asks on new connections until a process answers that is accepted. */
    void awaitAnswer(String what, LongPredicate accepted) throws InterruptedException {
        await(
                what,
                () -> {
                    long pid = probe.whoAnswers(port);
                    return pid > 0 && accepted.test(pid);
                },
                5);
    }

    /** A thing to wait for. */
    interface Condition {
        boolean holds() throws InterruptedException;
    }

    /** Fails with what the server has written if it takes longer than a minute. */
    void await(String what, Condition condition, long everyMillis) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE;
        while (!condition.holds()) {
            if (System.nanoTime() > end) {
                throw new BenchmarkException(contender.name() + ": " + what + " did not come\n" + log());
            }
            TimeUnit.MILLISECONDS.sleep(everyMillis);
        }
    }

    private String log() {
        return launcher.log();
    }

    @Override
    public void close() {
        launcher.close();
    }
}
