package io.tableflip.core;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@link ServiceMain} as real processes: one, and those that it spawns. */
final class Service implements AutoCloseable {
    private static final NativeOs OS = new NativeOs();
    static final int SIGHUP = 1;
    static final int SIGKILL = 9;
    static final int SIGTERM = 15;

    private final String mark = "TEST_MARK=" + UUID.randomUUID();
    private final Process first;
    private final List<String> lines = new ArrayList<>(); // guarded by this
    private boolean ended; // guarded by this

    /** How to start it. */
    static final class Start {
        private final List<String> prefix = new ArrayList<>();
        private final List<String> options = new ArrayList<>();
        private final List<String> arguments = new ArrayList<>();
        private final Map<String, String> environment = new java.util.TreeMap<>();
        private String java = System.getProperty("java.home") + "/bin/java";

        Start option(String name, Object value) {
            return jvm("-Dt." + name + "=" + value);
        }

        Start jvm(String option) {
            options.add(option);
            return this;
        }

        Start java(Path path) {
            java = path.toString();
            return this;
        }

        Start arguments(String... more) {
            arguments.addAll(List.of(more));
            return this;
        }

        /** What is to run the command line that follows. */
        Start under(String... command) {
            prefix.addAll(List.of(command));
            return this;
        }

        /** A shell script in which {@code "$@"} is the command line. */
        Start shell(String script) {
            return under("/bin/sh", "-c", script, "sh");
        }

        Start variable(String name, String value) {
            environment.put(name, value);
            return this;
        }

        Service go() throws IOException {
            List<String> command = new ArrayList<>(heedingSignals());
            command.addAll(prefix);
            // a small JVM that starts fast
            command.addAll(List.of(java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx64m"));
            command.addAll(options);
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), ServiceMain.class.getName()));
            command.addAll(arguments);
            return new Service(command, environment);
        }
    }

    /** Where this JVM ignores signals, as under nohup, its children would too. */
    private static List<String> heedingSignals() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("SigIgn:")
                    && (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 0x4003) != 0) {
                return List.of("env", "--default-signal=HUP,INT,TERM");
            }
        }
        return List.of();
    }

    private Service(List<String> command, Map<String, String> environment) throws IOException {
        // a pipe of our own: the one of Process ends with the first generation
        Os.Pipe pipe = OS.pipe();
        BufferedReader output = new BufferedReader(new FileReader("/proc/self/fd/" + pipe.readEnd(), UTF_8));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(new File("/proc/self/fd/" + pipe.writeEnd()));
        builder.environment().putAll(environment);
        builder.environment().put("TEST_MARK", mark.substring(10));
        try {
            first = builder.start();
        } finally {
            OS.close(pipe.readEnd());
            OS.close(pipe.writeEnd());
        }
        Thread reader = new Thread(() -> read(output), "output of " + first.pid());
        reader.setDaemon(true);
        reader.start();
    }

    private void read(BufferedReader output) {
        try (output) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                synchronized (this) {
                    lines.add(line);
                    notifyAll();
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            synchronized (this) {
                ended = true;
                notifyAll();
            }
        }
    }

    long pid() {
        return first.pid();
    }

    /** The first line in which the regular expression is found, now or later. */
    Matcher await(String regex) throws InterruptedException {
        return await(regex, 1);
    }

    synchronized Matcher await(String regex, int occurrence) throws InterruptedException {
        Pattern pattern = Pattern.compile(regex);
        long start = System.nanoTime();
        while (true) {
            List<Matcher> found =
                    lines.stream().map(pattern::matcher).filter(Matcher::find).toList();
            if (found.size() >= occurrence) {
                return found.get(occurrence - 1);
            }
            long left = Await.LIMIT.toMillis() - (System.nanoTime() - start) / 1_000_000;
            if (ended || left <= 0) {
                return fail(
                        (ended ? "all processes ended" : "no more output") + " without \"" + regex + "\":\n" + this);
            }
            wait(left);
        }
    }

    /** Waits for the event of a generation and answers with its process id. */
    long awaitPid(int generation, String event) throws InterruptedException {
        return Long.parseLong(await("g" + generation + " p(\\d+) " + event).group(1));
    }

    /** Upgrades a generation, and waits until it has gone and the next one can be upgraded. */
    void upgrade(int generation) throws InterruptedException, IOException {
        hangUp(awaitPid(generation, "ready$"));
        awaitPid(generation + 1, "ready$");
        awaitPid(generation + 1, "parentExited");
    }

    void hangUp(long pid) throws IOException {
        kill(pid, SIGHUP);
    }

    void kill(long pid, int signal) throws IOException {
        OS.kill((int) pid, signal);
    }

    /** Stops a generation and waits until no process is left. */
    void stop(long pid) throws Exception {
        kill(pid, SIGTERM);
        awaitEnd();
    }

    /** Waits until every process has closed its output. */
    synchronized void awaitEnd() throws InterruptedException {
        long start = System.nanoTime();
        while (!ended) {
            long left = Await.LIMIT.toMillis() - (System.nanoTime() - start) / 1_000_000;
            if (left <= 0) {
                fail("somebody has not ended:\n" + this);
            }
            wait(left);
        }
    }

    /** How the first generation ended. */
    int exitStatus() throws InterruptedException {
        if (!first.waitFor(Await.LIMIT.toMillis(), MILLISECONDS)) {
            fail("has not ended:\n" + this);
        }
        return first.exitValue();
    }

    synchronized boolean has(String regex) {
        Pattern pattern = Pattern.compile(regex);
        return lines.stream().anyMatch(line -> pattern.matcher(line).find());
    }

    synchronized long count(String regex) {
        Pattern pattern = Pattern.compile(regex);
        return lines.stream().filter(line -> pattern.matcher(line).find()).count();
    }

    @Override
    public synchronized String toString() {
        return "output:\n" + String.join("\n", lines);
    }

    /** What descriptors of a process lead to. */
    static List<String> descriptors(long pid) throws IOException {
        List<String> targets = new ArrayList<>();
        try (DirectoryStream<Path> fds = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (Path fd : fds) {
                try {
                    targets.add(Files.readSymbolicLink(fd).toString());
                } catch (IOException e) {
                    // closed meanwhile
                }
            }
        }
        return targets;
    }

    /** Ends whatever was spawned, however the test went. */
    @Override
    public void close() throws IOException {
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (isMarked(process)) {
                    try {
                        OS.kill(Integer.parseInt(process.getFileName().toString()), SIGKILL);
                    } catch (SystemCallException e) {
                        // has ended meanwhile
                    }
                }
            }
        }
    }

    private boolean isMarked(Path process) {
        try {
            return new String(Files.readAllBytes(process.resolve("environ")), ISO_8859_1).contains(mark);
        } catch (IOException e) {
            return false; // gone
        }
    }
}
