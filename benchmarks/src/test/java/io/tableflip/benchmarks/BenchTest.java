package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchTest {
    @Test
    void commandLine() {
        Bench.Options options = Bench.Options.parse(List.of("--full", "--out", "x"));
        assertEquals(Scale.FULL, options.scale());
        assertEquals(Path.of("x"), options.out());
        assertThrows(IllegalArgumentException.class, () -> Bench.Options.parse(List.of("--fast")));
        assertThrows(IllegalArgumentException.class, () -> Bench.Options.parse(List.of("--out")));
        assertThrows(IllegalArgumentException.class, () -> Bench.Options.parse(List.of("--only", "nothing")));
    }

    @Test
    void leavesNothingWhenItIsInterrupted(@TempDir Path directory) throws IOException, InterruptedException {
        Process bench = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djava.io.tmpdir=" + directory,
                        "-cp",
                        System.getProperty("java.class.path"),
                        Bench.class.getName(),
                        "--smoke",
                        "--only",
                        "growth")
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("output").toFile())
                .start();
        try {
            while (processesIn(directory).isEmpty()) {
                assertTrue(bench.isAlive(), Files.readString(directory.resolve("output")));
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
        } finally {
            bench.destroy();
            bench.waitFor();
        }
        assertEquals(List.of(), processesIn(directory));
        try (Stream<Path> left = Files.list(directory)) {
            assertEquals(
                    List.of(),
                    left.filter(path -> path.getFileName().toString().startsWith("tableflip-bench"))
                            .toList());
        }
    }

    /** Those that work in directories there, as servers do. */
    private static List<String> processesIn(Path directory) throws IOException {
        List<String> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : entries) {
                try {
                    if (Files.readSymbolicLink(process.resolve("cwd")).startsWith(directory)) {
                        found.add(process.getFileName().toString());
                    }
                } catch (IOException e) {
                    // it has gone
                }
            }
        }
        return found;
    }
}
