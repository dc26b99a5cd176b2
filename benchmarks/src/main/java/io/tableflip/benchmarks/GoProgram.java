package io.tableflip.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Compiles the peers in Go against Debian's packages of Go's tableflip. */
final class GoProgram {
    /** Where Debian puts the sources of Go libraries. */
    static final Path LIBRARIES = Path.of("/usr/share/gocode");

    private GoProgram() {}

    /** What is not installed here, {@code null} if nothing is missing. */
    static @Nullable String missing() {
        if (Machine.program("go").isEmpty()) {
            return "no Go compiler here (Debian: golang-go)";
        }
        return Files.exists(LIBRARIES.resolve("src/github.com/cloudflare/tableflip/upgrader.go"))
                ? null
                : "no tableflip for Go here (Debian: golang-github-cloudflare-tableflip-dev)";
    }

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
        Path program = directory.resolve(name);
        Path output = directory.resolve("output");
        ProcessBuilder builder = new ProcessBuilder("go", "build", "-o", program.toString(), source.toString())
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment()
                .putAll(Map.of(
                        "GO111MODULE",
                        "off",
                        "GOPATH",
                        directory + ":" + LIBRARIES,
                        "GOFLAGS",
                        "",
                        "GOCACHE",
                        cache().toString(),
                        "CGO_ENABLED", // else it would need a C compiler
                        "0"));
        if (builder.start().waitFor() != 0) {
            throw new BenchmarkException("go build " + name + "\n" + Files.readString(output));
        }
        return program;
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
