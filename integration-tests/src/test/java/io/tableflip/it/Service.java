package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Output;
import io.tableflip.testsupport.Proc;
import io.tableflip.testsupport.ProcessFamily;
import io.tableflip.testsupport.Signals;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A program under test and all the generations that follow from it, with a log and a PID file in a directory of its own. */
final class Service implements AutoCloseable {
    private static final Pattern LISTENING = Pattern.compile("listening on (\\S+):(\\d+)");
    private static final Pattern SPAWNED = Pattern.compile("spawned generation \\d+ \\(pid (\\d+)\\)");

    private final Path log;
    private final Path pidFile;
    private final ProcessFamily family;
    private final Output output = new Output(this::log, this::hasEnded);

    private Service(Path directory, List<String> command, Map<String, String> environment) throws IOException {
        log = directory.resolve("log");
        pidFile = directory.resolve("service.pid");
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.directory(directory.toFile());
        builder.environment().put("PWD", directory.toString());
        builder.environment().putAll(environment);
        family = ProcessFamily.start(builder.redirectOutput(log.toFile()));
    }

    /** What to start. */
    static final class Builder {
        private final Path directory;
        private final List<String> jvmOptions = new ArrayList<>();
        private final List<String> program = new ArrayList<>();
        private final List<String> arguments = new ArrayList<>();
        /** Options of the program, unless the test gives others. */
        private final Map<String, String> defaults = new LinkedHashMap<>();

        private final Map<String, String> environment = new HashMap<>();
        private final List<String> prefix = new ArrayList<>();
        private List<String> launcher = List.of(java());

        private Builder(Path directory) {
            this.directory = directory;
        }

        Builder jvmOptions(String... options) {
            if (Arrays.stream(options).anyMatch(option -> option.matches("-XX:\\+Use\\w+GC"))) {
                jvmOptions.remove(TestJvm.COLLECTOR);
            }
            jvmOptions.addAll(List.of(options));
            return this;
        }

        Builder arguments(String... more) {
            arguments.addAll(List.of(more));
            return this;
        }

        Builder environment(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /**
         * A tenth of the warm-up, or all upgrades of all tests take minutes more. And a process that boots in
         * the time that nobody else wants waits for the tests beside it.
         */
        private void quick() {
            defaults.put("--warm-up", "300ms");
            defaults.put("--idle-boot", "0s");
        }

        /** Runs all that is started by another command. */
        Builder under(String... command) {
            prefix.addAll(0, List.of(command));
            return this;
        }

        /** Instead of {@code java}, with the same arguments. */
        Builder launcher(String... command) {
            launcher = List.of(command);
            return this;
        }

        /** Instead of {@code java}; gets the arguments of the program alone. */
        Builder script(Path script) {
            launcher = List.of(script.toString());
            jvmOptions.clear();
            program.clear();
            return this;
        }

        Service start() throws IOException {
            List<String> command = new ArrayList<>(prefix);
            command.addAll(launcher);
            command.addAll(jvmOptions);
            command.addAll(program);
            command.addAll(arguments);
            defaults.forEach((option, value) -> {
                if (!arguments.contains(option)) {
                    command.addAll(List.of(option, value));
                }
            });
            return new Service(directory, command, environment);
        }

        Service startAndAwait() throws IOException {
            Service service = start();
            try {
                service.awaitServing(1);
                return service;
            } catch (AssertionError | RuntimeException e) {
                service.close();
                throw e;
            }
        }
    }

    /** Any command that writes the PID file {@code service.pid} of its directory. */
    static Builder command(Path directory, String... words) {
        return new Builder(directory).launcher(words);
    }

    static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    static Path examplesJar() {
        return Path.of(System.getProperty("examples.jar")).toAbsolutePath().normalize();
    }

    /** A file of the project, by its path from the root. */
    static Path projectFile(String path) {
        return examplesJar().resolveSibling("../..").resolve(path).normalize();
    }

    /** The HTTP example, in a directory of its own, on a port of its own. */
    static Builder example(Path directory) {
        return example(directory, examplesJar());
    }

    static Builder example(Path directory, Path jar) {
        Builder builder = example(directory, jar, "http");
        builder.quick();
        builder.defaults.put("--connections", "drain"); // most tests look at the old process while it drains
        return builder;
    }

    private static Builder example(Path directory, Path jar, String program) {
        Builder builder = new Builder(directory);
        builder.jvmOptions.addAll(TestJvm.options());
        builder.program.addAll(List.of("-jar", jar.toString()));
        builder.arguments.addAll(List.of(
                program,
                "--listen",
                "127.0.0.1:0",
                "--pid-file",
                directory.resolve("service.pid").toString()));
        return builder;
    }

    /** An example that transfers its connections: {@code http}, {@code websocket} or {@code chat}. */
    static Builder transferringExample(Path directory, String program) {
        Builder builder = example(directory, examplesJar(), program);
        if (program.equals("http")) {
            builder.quick();
        }
        return builder;
    }

    /** {@link PlannedServer}, which behaves as badly as its plan says. */
    static Builder testServer(Path directory) {
        return program(directory, PlannedServer.class.getName()).arguments("--directory", directory.toString());
    }

    /**
     * Any class of the tests with a main method, which writes the PID file {@code service.pid} of that
     * directory.
     */
    static Builder program(Path directory, String main) {
        Builder builder = new Builder(directory);
        builder.program.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
        builder.jvmOptions.addAll(TestJvm.options());
        if (Runtime.version().feature() >= 24) {
            builder.jvmOptions("--enable-native-access=ALL-UNNAMED");
        }
        return builder;
    }

    /** A server of one of the examples for frameworks, which have class paths of their own. */
    static Builder frameworkExample(Path directory, String module, String main) {
        Builder builder = new Builder(directory);
        builder.jvmOptions.addAll(TestJvm.options());
        builder.program.addAll(List.of("-cp", frameworkClassPath(module), main));
        if (Runtime.version().feature() >= 24) {
            builder.jvmOptions("--enable-native-access=ALL-UNNAMED");
        }
        return builder;
    }

    static String frameworkClassPath(String module) {
        Path target = projectFile("examples").resolve(module).resolve("target");
        assertTrue(Files.isDirectory(target.resolve("lib")), "not built: " + target);
        return target.resolve("classes") + ":" + target.resolve("lib") + "/*";
    }

    /** Any program, which writes the PID file {@code service.pid} of its directory. */
    static Builder command(Path directory, Path program) {
        return new Builder(directory).script(program);
    }

    Process first() {
        return family.first();
    }

    /** Where it was started. */
    Path directory() {
        return log.resolveSibling(".").normalize();
    }

    /** Waits until these, in the order of the alphabet, are all that there is: the status file is written beside its place first. */
    void awaitFiles(String... names) {
        Await.until("only " + List.of(names), () -> files().equals(List.of(names)), () -> files() + "\n" + log());
    }

    private List<String> files() {
        try (Stream<Path> files = Files.list(directory())) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path pidFile() {
        return pidFile;
    }

    /** The process that the PID file names. */
    long pid() {
        try {
            return Long.parseLong(Files.readString(pidFile).strip());
        } catch (IOException e) {
            throw new UncheckedIOException(log(), e);
        }
    }

    String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** All generations that run. */
    List<Long> processes() {
        return family.running();
    }

    InetSocketAddress address() {
        awaitLog("listening on");
        Matcher matcher = LISTENING.matcher(log());
        if (!matcher.find()) {
            throw new AssertionError("no address in the log:\n" + log());
        }
        return new InetSocketAddress(matcher.group(1), Integer.parseInt(matcher.group(2)));
    }

    void awaitLog(String text) {
        awaitMatch(Pattern.quote(text));
    }

    /** Waits until the log has something that matches; fails when all processes have ended without. */
    void awaitMatch(String regex) {
        output.await(Pattern.compile(regex), 1);
    }

    private boolean hasEnded() {
        return family.hasEnded();
    }

    void awaitServing(int generation) {
        awaitMatch("generation " + generation + " \\(pid \\d+\\) is serving");
    }

    void signal(String name, long pid) {
        Signals.send(name, pid);
    }

    /**
     * The process that an upgrade has spawned last; waits until one has. One that is merely there beside the service may be the rehearsal of a
     * spawn.
     */
    long awaitSpawned() {
        awaitMatch(SPAWNED.pattern());
        return SPAWNED.matcher(log())
                .results()
                .mapToLong(spawned -> Long.parseLong(spawned.group(1)))
                .reduce((earlier, later) -> later)
                .orElseThrow();
    }

    /** Upgrades, and waits until the new process is the only one. */
    void upgrade() {
        long old = pid();
        signal("HUP", old);
        Await.until("process " + old + " has gone after the upgrade", () -> !Proc.isRunning(old), this::log);
        awaitOnly(pid());
    }

    void awaitGone(long pid) {
        Await.until("process " + pid + " has gone", () -> !Proc.isRunning(pid), this::log);
    }

    /**
     * Waits until this process is the only one. One that has just begun to serve rehearses a spawn that fails, and for a moment there is another of
     * its kind.
     */
    void awaitOnly(long pid) {
        Await.until(
                "process " + pid + " only", () -> processes().equals(List.of(pid)), () -> processes() + "\n" + log());
    }

    void awaitProcesses(int number) {
        Await.until(number + " processes", () -> processes().size() == number, this::log);
    }

    /** Ends every generation and waits for that. */
    @Override
    public void close() {
        family.close();
    }
}
