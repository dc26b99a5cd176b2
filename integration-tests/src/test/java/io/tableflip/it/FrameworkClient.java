package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** The strict client of an example for a framework, in a process of its own. */
final class FrameworkClient implements AutoCloseable {
    private final Path output;
    private final Process process;

    FrameworkClient(Path directory, String module, String main, InetSocketAddress server, List<String> more)
            throws IOException {
        output = directory.resolve("client");
        List<String> command = new ArrayList<>(List.of(Service.java()));
        command.addAll(TestJvm.options());
        command.addAll(List.of(
                "-cp",
                Service.frameworkClassPath(module),
                main,
                server.getHostString(),
                Integer.toString(server.getPort())));
        command.addAll(more);
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
    }

    void awaitAnswerOf(int generation) {
        String answer = "first answer of generation " + generation + "\n";
        Await.until(answer, () -> output().contains(answer) || !process.isAlive(), this::output);
        assertTrue(output().contains(answer), this::output);
    }

    /**
     * Lets the calls under way end; fails if one of the calls has.
     *
     * @param serverLog what else helps to understand a failure
     * @return what it has printed
     */
    List<String> finish(Supplier<String> serverLog) throws IOException, InterruptedException {
        process.getOutputStream().close();
        assertTrue(process.waitFor(Await.LIMIT.toSeconds(), TimeUnit.SECONDS), this::output);
        assertTrue(process.exitValue() == 0, () -> output() + "\n" + serverLog.get());
        return output().lines().toList();
    }

    String output() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            return e.toString();
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        Await.until("client killed", () -> !process.isAlive());
    }
}
