package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/** Builds {@code peer/main.go} against Debian's packages of Go's tableflip. */
final class GoPeer {
    /** Where Debian puts the sources of Go libraries. */
    private static final Path LIBRARIES = Path.of("/usr/share/gocode");

    private GoPeer() {}

    /** Skips the test where there is no Go or no tableflip for it. Nothing is written outside the directory. */
    static Path build(Path directory) throws IOException, InterruptedException {
        assumeTrue(isInPath("go"), "there is no Go compiler here (Debian: golang-go)");
        assumeTrue(
                Files.exists(LIBRARIES.resolve("src/github.com/cloudflare/tableflip/upgrader.go")),
                "there is no tableflip for Go here (Debian: golang-github-cloudflare-tableflip-dev)");
        Path source = Path.of(Objects.requireNonNull(System.getProperty("go.sources")), "peer", "main.go");
        Path program = directory.resolve("peer");
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
                        directory.resolve("cache").toString(),
                        "CGO_ENABLED", // else it would need a C compiler
                        "0"));
        int status = builder.start().waitFor();
        assertEquals(0, status, () -> {
            try {
                return Files.readString(output);
            } catch (IOException e) {
                return e.toString();
            }
        });
        return program;
    }

    private static boolean isInPath(String program) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
                .anyMatch(element -> Files.isExecutable(Path.of(element, program)));
    }
}
