package io.tableflip.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** This side of the {@link LoadClient}. Not thread-safe. */
final class LoadDriver implements LoadGenerator, AutoCloseable {
    /** A young generation that need not be collected while the client counts. */
    private static final List<String> OPTIONS = List.of("-XX:+UseSerialGC", "-Xms512m", "-Xmx1g", "-Xmn256m");

    /**
     * Before the others, whenever it has something to do: it stands for clients on other machines, and what it waits for a processor is not what they
     * wait for the service.
     */
    private static final List<String> FIRST = List.of("chrt", "--rr", "1");

    private final Process process;
    private final boolean isFirst;
    private final PrintStream commands;
    private final BufferedReader answers;
    private final Path file;

    private LoadDriver(Process process, boolean isFirst, Path file) {
        this.process = process;
        this.isFirst = isFirst;
        this.commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.file = file;
    }

    /** @param directory for a file */
    static LoadDriver start(Path directory) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                Program.java(Path.of(System.getProperty("java.home")), OPTIONS, LoadClient.class, List.of()));
        boolean isFirst = mayBeFirst();
        if (isFirst) {
            command.addAll(0, FIRST);
        }
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        return new LoadDriver(process, isFirst, directory.resolve("outcomes"));
    }

    /** It takes root, or another right to real-time scheduling. */
    private static boolean mayBeFirst() throws InterruptedException {
        List<String> command = new ArrayList<>(FIRST);
        command.add("true");
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false; // no chrt
        }
    }

    /** How it shares the processors with the servers, in a sentence. */
    String priority() {
        return isFirst
                ? "The client shares the processors with the servers, and comes first (`" + String.join(" ", FIRST)
                        + "`), as one on another machine would."
                : "The client shares the processors with the servers on equal terms, since real-time scheduling is not allowed here: what it waits for a"
                        + " processor is contained in the latencies.";
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
