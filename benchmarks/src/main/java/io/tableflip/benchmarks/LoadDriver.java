package io.tableflip.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** This side of the {@link LoadClient}. Not thread-safe. */
final class LoadDriver implements LoadGenerator, AutoCloseable {
    /** A young generation that need not be collected while the client counts. */
    private static final List<String> OPTIONS = List.of("-XX:+UseSerialGC", "-Xms512m", "-Xmx1g", "-Xmn256m");

    private final Process process;
    private final PrintStream commands;
    private final BufferedReader answers;
    private final Path file;

    private LoadDriver(Process process, Path file) {
        this.process = process;
        this.commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.file = file;
    }

    /** @param directory for a file */
    static LoadDriver start(Path directory) throws IOException {
        List<String> command =
                Program.java(Path.of(System.getProperty("java.home")), OPTIONS, LoadClient.class, List.of());
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        return new LoadDriver(process, directory.resolve("outcomes"));
    }

    @Override
    public void warm(int port, LoadTrial.Rates rates, Duration time) throws IOException {
        command("warm " + target(port, rates) + " " + time.toMillis());
    }

    @Override
    public void begin(int port, LoadTrial.Rates rates) throws IOException {
        command("begin " + target(port, rates));
    }

    private static String target(int port, LoadTrial.Rates rates) {
        return port + " " + rates.kept() + " " + rates.fresh();
    }

    @Override
    public LoadRecord end() throws IOException {
        command("end " + file);
        try {
            return LoadRecord.read(file);
        } finally {
            Files.delete(file);
        }
    }

    private void command(String line) throws IOException {
        commands.println(line);
        if (!"done".equals(answers.readLine())) {
            throw new BenchmarkException("the client failed: " + line);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
