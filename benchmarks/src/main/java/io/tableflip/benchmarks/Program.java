package io.tableflip.benchmarks;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A server and all processes that follow from it: a session of their own, of which none is left after {@link #close}. Thread-safe.
 */
final class Program implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final Set<Program> RUNNING = new HashSet<>(); // guarded by itself
    private static boolean ended; // guarded by RUNNING

    private final String name;
    private final Path log;
    private final Process first;

    private Program(String name, Path log, Process first) {
        this.name = name;
        this.log = log;
        this.first = first;
    }

    /**
     * Starts it.
     *
     * @param directory its working directory, and that of its log
     * @param environment changes that of this process
     */
    static Program start(String name, Path directory, List<String> command, Consumer<Map<String, String>> environment)
            throws IOException {
        Path log = directory.resolve("log");
        List<String> words = new ArrayList<>(List.of("setsid", "env", "--default-signal=HUP,INT,QUIT,TERM"));
        words.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(words)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().put("PWD", directory.toString());
        environment.accept(builder.environment());
        synchronized (RUNNING) {
            if (ended) {
                throw new BenchmarkException("interrupted");
            }
            Program program = new Program(name, log, builder.start());
            RUNNING.add(program);
            return program;
        }
    }

    /** Kills what is left of all, and lets no other begin: for the end of this JVM. */
    static void endAll() {
        List<Program> all;
        synchronized (RUNNING) {
            ended = true;
            all = List.copyOf(RUNNING);
        }
        all.forEach(Program::close);
    }

    /** The command of a Java program with the class path of this JVM. */
    static List<String> java(Path home, List<String> options, Class<?> main, List<String> arguments) {
        List<String> words = new ArrayList<>();
        words.add(home.resolve("bin/java").toString());
        if (!home.equals(Path.of(System.getProperty("java.home")))
                || Runtime.version().feature() >= 24) {
            words.add("--enable-native-access=ALL-UNNAMED");
        }
        words.addAll(options);
        words.addAll(List.of("-cp", classPath(), main.getName()));
        words.addAll(arguments);
        return words;
    }

    /** That of this JVM, for a process with another directory. */
    private static String classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
    }

    /** The process that was started first. */
    long firstPid() {
        return first.pid();
    }

    /** The processes of its session that run, in order of their numbers. */
    List<Long> pids() {
        try (Stream<Path> entries = Files.list(Path.of("/proc"))) {
            return entries.map(path -> path.getFileName().toString())
                    .filter(entry -> Character.isDigit(entry.charAt(0)))
                    .map(Long::valueOf)
                    .filter(this::isOurs)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new BenchmarkException("/proc", e);
        }
    }

    private boolean isOurs(long pid) {
        // pid (command) state parent group session
        return stat(pid)
                .filter(fields -> !fields[0].equals("Z") && !fields[0].equals("X"))
                .filter(fields -> Long.parseLong(fields[3]) == first.pid())
                .isPresent();
    }

    /** What stands in {@code /proc/PID/stat} behind the name: state, parent, group, session and so on; empty if it has gone. */
    static Optional<String[]> stat(long pid) {
        try {
            String text = Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
            return Optional.of(text.substring(text.lastIndexOf(')') + 2).split(" "));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** The processor time that a process has had; in steps of 10 ms. */
    static long cpuMillis(long pid) {
        return stat(pid)
                .map(fields -> (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * 10)
                .orElse(0L);
    }

    /** A line of {@code /proc/PID/status} that is a size, VmRSS or VmHWM, in megabytes. */
    static double megabytes(long pid, String field) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
            return lines.filter(line -> line.startsWith(field + ":"))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
                    .findFirst()
                    .orElse(0);
        } catch (IOException | UncheckedIOException e) {
            return 0; // it has gone
        }
    }

    String log() {
        try {
            return Files.exists(log) ? Files.readString(log) : "";
        } catch (IOException e) {
            throw new BenchmarkException(log.toString(), e);
        }
    }

    /** Waits for a match of the pattern in what was printed. */
    Matcher await(Pattern pattern) throws InterruptedException {
        Matcher[] found = new Matcher[1];
        await("\"" + pattern + "\" in its output", () -> {
            found[0] = pattern.matcher(log());
            return found[0].find();
        });
        return found[0];
    }

    /** Waits for something that has to become true. */
    void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (!first.isAlive() && pids().isEmpty() && !condition.getAsBoolean()) {
                throw new BenchmarkException(name + " has ended, and " + what + " did not come\n" + log());
            }
            if (System.nanoTime() > end) {
                throw new BenchmarkException(
                        name + ": " + what + " did not come within " + PATIENCE.toSeconds() + " s\n" + log());
            }
            TimeUnit.MILLISECONDS.sleep(2);
        }
    }

    /** Sends a signal, by its name without SIG. */
    static void signal(String name, long pid) throws IOException, InterruptedException {
        // the shell's own kill: the program of that name is not on every machine
        Process kill = new ProcessBuilder("sh", "-c", "kill -s \"$1\" \"$2\"", "sh", name, Long.toString(pid))
                .inheritIO()
                .start();
        if (kill.waitFor() != 0) {
            throw new BenchmarkException("kill -" + name + " " + pid + " failed");
        }
    }

    /** Kills what is left of it. */
    @Override
    public void close() {
        for (List<Long> left = pids(); !left.isEmpty(); left = pids()) {
            left.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
        }
        synchronized (RUNNING) {
            RUNNING.remove(this);
        }
    }
}
