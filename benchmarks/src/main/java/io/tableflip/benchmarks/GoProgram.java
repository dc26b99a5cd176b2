package io.tableflip.benchmarks;

import io.tableflip.testsupport.GoCompiler;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The peers in Go, which are compiled when they are measured. */
final class GoProgram {
    private GoProgram() {}

    /**
     * Compiles {@code src/main/go/NAME/main.go}.
     *
     * @param directory for the program, and all that it takes to make it
     */
    static Path build(String name, Path directory) throws IOException, InterruptedException {
        return compile(name, directory, Files.writeString(directory.resolve("main.go"), resource(name + "/main.go")));
    }

    /** What stands in {@code src/main/go}. */
    static String resource(String name) throws IOException {
        try (InputStream in = GoProgram.class.getResourceAsStream("/go/" + name)) {
            if (in == null) {
                throw new BenchmarkException(name + " is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** As {@link #build} with another source. Libraries that are in the directory come first. */
    static Path compile(String name, Path directory, Path source) throws IOException, InterruptedException {
        try {
            return GoCompiler.compile(name, source, directory, cache());
        } catch (IllegalStateException e) {
            throw new BenchmarkException(String.valueOf(e.getMessage()), e);
        }
    }

    /** Beside the classes: a later run finds the standard library compiled. */
    private static Path cache() {
        try {
            return Path.of(GoProgram.class
                            .getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .resolveSibling("go-cache");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
