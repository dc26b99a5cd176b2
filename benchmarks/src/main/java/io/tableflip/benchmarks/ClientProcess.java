package io.tableflip.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A client in a process of its own. It obeys the lines on its standard input, and answers each with a line
 * that begins with "done". Not thread-safe.
 */
final class ClientProcess implements AutoCloseable {
    /** A young generation that need not be collected while the client counts. */
    private static final List<String> OPTIONS = List.of("-XX:+UseSerialGC", "-Xms512m", "-Xmx1g", "-Xmn256m");

    /**
     * Before the others, whenever it has something to do: it stands for clients on other machines, and what
     * it waits for a processor is not what they wait for the service.
     */
    private static final List<String> FIRST = List.of("chrt", "--rr", "1");

    private static final String DONE = "done";

    private final Process process;
    private final boolean isFirst;
    private final PrintStream commands;
    private final BufferedReader answers;

    private ClientProcess(Process process, boolean isFirst) {
        this.process = process;
        this.isFirst = isFirst;
        this.commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
    }

    static ClientProcess start(Class<?> main) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(Program.java(Path.of(System.getProperty("java.home")), OPTIONS, main, List.of()));
        boolean isFirst = mayBeFirst();
        if (isFirst) {
            command.addAll(0, FIRST);
        }
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        return new ClientProcess(process, isFirst);
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

    /**
     * Has the client do something, and waits until it is done.
     *
     * @return what the answer says behind "done"
     */
    String command(String line) throws IOException {
        commands.println(line);
        String answer = answers.readLine();
        if (answer == null || !answer.startsWith(DONE)) {
            throw new BenchmarkException("the client failed: " + line);
        }
        return answer.substring(DONE.length()).strip();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
