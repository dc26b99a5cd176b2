package io.tableflip.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Makes system calls of a running process, and of what it starts, fail. */
final class Strace implements AutoCloseable {
    private final Process process;

    private Strace(Process process) {
        this.process = process;
    }

    /**
     * Attaches; skips the test where that is impossible.
     *
     * @param calls separated by commas
     * @param error the name of the error
     * @param when which calls of each thread fail: {@code 1+} for all
     */
    static Strace inject(long pid, String calls, String error, String when) throws IOException {
        Tools.assumeInstalled("strace");
        Process process = new ProcessBuilder(List.of(
                        "strace",
                        "-f",
                        "-qq",
                        "-e",
                        "trace=" + calls,
                        "-e",
                        "inject=" + calls + ":error=" + error + ":when=" + when,
                        "-o",
                        "/dev/null",
                        "-p",
                        Long.toString(pid)))
                .redirectErrorStream(true)
                .start();
        Strace strace = new Strace(process);
        try {
            Await.until("attached", () -> !process.isAlive() || isAttached(pid));
            assumeTrue(process.isAlive(), () -> "strace cannot attach here: " + strace.output());
            return strace;
        } catch (RuntimeException | Error e) {
            strace.close();
            throw e;
        }
    }

    private String output() {
        try {
            return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** All threads: those that start later are followed. */
    private static boolean isAttached(long pid) {
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks) {
                if (Files.readString(task.resolve("status")).contains("TracerPid:\t0\n")) {
                    return false;
                }
            }
            return true;
        } catch (IOException e) {
            return false; // a thread ended meanwhile: look again
        }
    }

    /** Lets the process go. Calls work again when this returns. */
    void detach() {
        process.destroy();
        Await.until("strace has ended", () -> !process.isAlive());
    }

    @Override
    public void close() {
        detach();
    }
}
