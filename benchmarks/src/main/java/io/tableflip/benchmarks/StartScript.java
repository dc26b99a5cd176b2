package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The start script of the examples, with a class-data archive of its own. */
final class StartScript {
    private static final Path EXAMPLES =
            Path.of(System.getProperty("examples.directory", "examples")).toAbsolutePath();
    private static final Path SCRIPT = EXAMPLES.resolve("bin/hello.sh");
    private static final Path JAR = EXAMPLES.resolve("target/tableflip-examples.jar");

    private final Path java;
    private final Supplier<Path> newDirectory;
    private @Nullable Path cache;

    /**
     * @param java the home of a JDK
     * @param newDirectory for archives
     */
    StartScript(Path java, Supplier<Path> newDirectory) {
        this.java = java;
        this.newDirectory = newDirectory;
    }

    /** What is not there that it needs, or {@code null}. */
    @Nullable
    String missing() {
        for (Path file : List.of(SCRIPT, JAR)) {
            if (!Files.isReadable(file)) {
                return "no " + file + ": start the benchmarks where the project was built";
            }
        }
        return null;
    }

    /** How to start the server by it. Makes the archive the first time. */
    List<String> command(List<String> arguments) throws IOException, InterruptedException {
        if (cache == null) {
            Path made = newDirectory.get();
            train(made);
            cache = made;
        }
        return words(cache, arguments);
    }

    private void train(Path directory) throws IOException, InterruptedException {
        Path log = directory.resolve("log");
        int status = new ProcessBuilder(words(directory, List.of("--train")))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start()
                .waitFor();
        if (status != 0) {
            throw new BenchmarkException(SCRIPT + " --train: " + Files.readString(log));
        }
    }

    private List<String> words(Path archives, List<String> arguments) {
        List<String> words = new ArrayList<>(List.of(
                "env",
                "JAVA=" + java.resolve("bin/java"),
                "HELLO_JAR=" + JAR,
                "HELLO_CACHE=" + archives,
                "sh",
                SCRIPT.toString()));
        words.addAll(arguments);
        return words;
    }
}
