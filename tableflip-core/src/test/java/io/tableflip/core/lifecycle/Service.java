package io.tableflip.core.lifecycle;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.tableflip.core.os.NativeOs;
import io.tableflip.core.os.Os;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Output;
import io.tableflip.testsupport.Proc;
import io.tableflip.testsupport.ProcessFamily;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** {@link ServiceMain} as real processes: one, and those that it spawns. */
public final class Service implements AutoCloseable {
    private static final NativeOs OS = new NativeOs();
    public static final int SIGHUP = 1;
    public static final int SIGKILL = 9;
    public static final int SIGTERM = 15;

    private final ProcessFamily family;
    private final Output output = new Output(this::text, this::hasEnded);
    private final List<String> lines = new ArrayList<>(); // guarded by this
    private boolean ended; // guarded by this

    /** How to start it. */
    public static final class Start {
        private final List<String> prefix = new ArrayList<>();
        private final List<String> options = new ArrayList<>();
        private final List<String> arguments = new ArrayList<>();
        private final Map<String, String> environment = new java.util.TreeMap<>();
        private String java = System.getProperty("java.home") + "/bin/java";

        public Start option(String name, Object value) {
            return jvm("-Dt." + name + "=" + value);
        }

        public Start jvm(String option) {
            options.add(option);
            return this;
        }

        public Start java(Path path) {
            java = path.toString();
            return this;
        }

        public Start arguments(String... more) {
            arguments.addAll(List.of(more));
            return this;
        }

        /** What is to run the command line that follows. */
        public Start under(String... command) {
            prefix.addAll(List.of(command));
            return this;
        }

        /** A shell script in which {@code "$@"} is the command line. */
        public Start shell(String script) {
            return under("/bin/sh", "-c", script, "sh");
        }

        public Start variable(String name, String value) {
            environment.put(name, value);
            return this;
        }

        public Service go() throws IOException {
            List<String> command = new ArrayList<>(prefix);
            // a small JVM that starts fast
            command.addAll(List.of(java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx64m"));
            command.addAll(options);
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), ServiceMain.class.getName()));
            command.addAll(arguments);
            return new Service(command, environment);
        }
    }

    private Service(List<String> command, Map<String, String> environment) throws IOException {
        // a pipe of our own: the one of Process ends with the first generation
        Os.Pipe pipe = OS.pipe();
        BufferedReader readEnd = new BufferedReader(new FileReader("/proc/self/fd/" + pipe.readEnd(), UTF_8));
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(new File("/proc/self/fd/" + pipe.writeEnd()));
        builder.environment().putAll(environment);
        try {
            family = ProcessFamily.start(builder);
        } finally {
            OS.close(pipe.readEnd());
            OS.close(pipe.writeEnd());
        }
        Thread reader = new Thread(() -> read(readEnd), "output of " + pid());
        reader.setDaemon(true);
        reader.start();
    }

    private void read(BufferedReader readEnd) {
        try (readEnd) {
            for (String line = readEnd.readLine(); line != null; line = readEnd.readLine()) {
                synchronized (this) {
                    lines.add(line);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            synchronized (this) {
                ended = true;
            }
        }
    }

    public long pid() {
        return family.first().pid();
    }

    private synchronized String text() {
        return String.join("\n", lines);
    }

    private synchronized boolean hasEnded() {
        return ended;
    }

    /** The first place in a line that matches, now or later. */
    public MatchResult await(String regex) {
        return await(regex, 1);
    }

    public MatchResult await(String regex, int occurrence) {
        return output.await(Pattern.compile(regex, Pattern.MULTILINE), occurrence);
    }

    /** Waits for the event of a generation and answers with its process id. */
    public long awaitPid(int generation, String event) throws InterruptedException {
        return Long.parseLong(await("g" + generation + " p(\\d+) " + event).group(1));
    }

    /** Upgrades a generation, and waits until it has gone and the next one can be upgraded. */
    public void upgrade(int generation) throws InterruptedException, IOException {
        hangUp(awaitPid(generation, "ready$"));
        awaitPid(generation + 1, "ready$");
        awaitPid(generation + 1, "parentExited");
    }

    public void hangUp(long pid) throws IOException {
        kill(pid, SIGHUP);
    }

    public void kill(long pid, int signal) throws IOException {
        OS.kill((int) pid, signal);
    }

    /** Stops a generation and waits until no process is left. */
    public void stop(long pid) throws Exception {
        kill(pid, SIGTERM);
        awaitEnd();
    }

    /** Waits until every process has closed its output. */
    public void awaitEnd() {
        Await.until("all have ended", this::hasEnded, this::toString);
    }

    /** How the first generation ended. */
    public int exitStatus() throws InterruptedException {
        Process first = family.first();
        Await.until("it has ended", () -> !first.isAlive(), this::toString);
        return first.waitFor();
    }

    public synchronized boolean has(String regex) {
        Pattern pattern = Pattern.compile(regex);
        return lines.stream().anyMatch(line -> pattern.matcher(line).find());
    }

    public synchronized long count(String regex) {
        Pattern pattern = Pattern.compile(regex);
        return lines.stream().filter(line -> pattern.matcher(line).find()).count();
    }

    @Override
    public String toString() {
        return "output:\n" + text();
    }

    /** What descriptors of a process lead to. */
    public static Collection<String> descriptors(long pid) {
        return Proc.descriptors(pid).values();
    }

    /** Ends whatever was spawned, however the test went. */
    @Override
    public void close() {
        family.close();
    }
}
