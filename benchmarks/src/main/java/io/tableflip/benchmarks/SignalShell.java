package io.tableflip.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Sends signals without a new process for each: a shell has {@code kill} built in. Not thread-safe. */
final class SignalShell implements AutoCloseable {
    private final Process shell;
    private final PrintStream commands;
    private final BufferedReader answers;

    SignalShell() throws IOException {
        shell = new ProcessBuilder("sh")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        commands = new PrintStream(shell.getOutputStream(), true, StandardCharsets.UTF_8);
        answers = shell.inputReader(StandardCharsets.UTF_8);
    }

    /** @param name without SIG */
    void send(String name, long pid) throws IOException {
        commands.println("kill -s " + name + " " + pid + "; echo $?");
        String status = answers.readLine();
        if (!"0".equals(status)) {
            throw new BenchmarkException("kill -s " + name + " " + pid + ": " + status);
        }
    }

    @Override
    public void close() {
        shell.destroyForcibly();
    }
}
