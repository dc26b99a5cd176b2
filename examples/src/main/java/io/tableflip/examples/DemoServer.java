package io.tableflip.examples;

import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The example server, in whatever process it lives, with its files in a directory of its own. Used by one thread. */
final class DemoServer implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Path directory;
    private final Path config;
    private final Path pidFile;
    private final Path log;
    private final Thread hook = new Thread(this::killAndDelete, "demo-cleanup");

    DemoServer() throws IOException {
        directory = Files.createTempDirectory("tableflip-demo-");
        config = directory.resolve("server.conf");
        pidFile = directory.resolve("server.pid");
        log = directory.resolve("server.log");
        Runtime.getRuntime().addShutdownHook(hook); // for whoever interrupts the demo
    }

    /** Starts the first process and waits until it listens. */
    InetSocketAddress start(Duration readyAfter, Duration drainTimeout, Duration upgradeTimeout) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-jar",
                jar().toString(),
                "http",
                "--listen",
                "127.0.0.1:0",
                "--pid-file",
                pidFile.toString(),
                "--config",
                config.toString(),
                "--ready-after",
                readyAfter.toMillis() + "ms",
                "--drain-timeout",
                drainTimeout.toMillis() + "ms",
                "--upgrade-timeout",
                upgradeTimeout.toMillis() + "ms");
        builder.environment().remove("TABLEFLIP_LAUNCHER");
        builder.environment().remove("TABLEFLIP_START_ENVIRONMENT");
        builder.redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(log.toFile())
                .start();
        return Args.address(awaitLine(0, "listening on (\\S+) .*").group(1));
    }

    private static Path jar() {
        try {
            return Path.of(Main.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The process that is the service now. */
    long pid() throws IOException {
        return Long.parseLong(Files.readString(pidFile).strip());
    }

    void configure(String text) throws IOException {
        Path next = directory.resolve("next.conf");
        Files.writeString(next, text);
        Files.move(next, config, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Puts a FIFO in the place of the config file: whoever reads that waits for ever. */
    void configureToHang() throws IOException {
        Path next = directory.resolve("next.conf");
        run("mkfifo", next.toString());
        Files.move(next, config, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Sends SIGHUP. */
    void upgrade() throws IOException {
        run("sh", "-c", "kill -HUP " + pid());
    }

    private static void run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).inheritIO().start();
        try {
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + " failed");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** How much the server has written so far; where to begin to look for what it writes next. */
    int logSize() throws IOException {
        return Files.readAllLines(log).size();
    }

    /** Waits until the server has written such a line. */
    Matcher awaitLine(int from, String regex) throws IOException {
        Pattern pattern = Pattern.compile(regex);
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < PATIENCE.toNanos()) {
            List<String> lines = Files.exists(log) ? Files.readAllLines(log) : List.of();
            for (String line : lines.subList(Math.min(from, lines.size()), lines.size())) {
                Matcher matcher = pattern.matcher(line);
                if (matcher.matches()) {
                    return matcher;
                }
            }
            pause();
        }
        throw new IllegalStateException("the server has not said \"" + regex + "\"; it has said:\n" + lastWords());
    }

    /** Waits until no process has this number, but for one that is dead and not collected. */
    void awaitGone(long pid) {
        await("process " + pid + " is gone", () -> isGone(pid));
    }

    static void await(String what, BooleanSupplier condition) {
        long begin = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - begin > PATIENCE.toNanos()) {
                throw new IllegalStateException("waited " + PATIENCE.toSeconds() + " s in vain until " + what);
            }
            pause();
        }
    }

    private static boolean isGone(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.startsWith(") Z", stat.lastIndexOf(')'));
        } catch (IOException e) {
            return true;
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(10);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The text without the name of our directory, which is long and says nothing. */
    String shortened(String text) {
        return text.replace(directory + "/", "");
    }

    String lastWords() throws IOException {
        List<String> lines = Files.exists(log) ? Files.readAllLines(log) : List.of();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    }

    /** Ends the service as a service manager would, and leaves nothing behind. */
    @Override
    public void close() {
        processes().forEach(ProcessHandle::destroy);
        try {
            await("the server has stopped", () -> processes().findAny().isEmpty());
        } finally {
            killAndDelete();
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException shuttingDown) {
                // then it has done the same
            }
        }
    }

    /** Every process with our directory in its command line: after an upgrade they are no descendants of this one. */
    private Stream<ProcessHandle> processes() {
        return ProcessHandle.allProcesses()
                .filter(process -> process.pid() != ProcessHandle.current().pid())
                .filter(process -> process.info().commandLine().orElse("").contains(directory.toString()));
    }

    private void killAndDelete() {
        // More than once: one of them may have been about to start another.
        for (int tries = 0; tries < 100 && processes().findAny().isPresent(); tries++) {
            processes().forEach(ProcessHandle::destroyForcibly);
            pause();
        }
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
            Files.deleteIfExists(directory);
        } catch (IOException e) {
            if (Files.exists(directory)) {
                System.err.println("cannot delete " + directory + ": " + e.getMessage());
            }
        }
    }
}
