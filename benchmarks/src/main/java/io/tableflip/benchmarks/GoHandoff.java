package io.tableflip.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Builds {@code go/handoff} against a copy of Debian's package of Go's tableflip, which differs from it in that it notes when a child was started.
 */
final class GoHandoff {
    /** Where Debian puts the sources of Go libraries. */
    private static final Path LIBRARIES = Path.of("/usr/share/gocode");

    private static final String PACKAGE = "src/github.com/cloudflare/tableflip";
    private static final String SPAWN = "\tproc, err := env.newProc(os.Args[0], os.Args[1:], fds, environ)\n";

    private GoHandoff() {}

    /** What it needs and is not installed. */
    static Optional<String> missing() {
        if (Machine.program("go").isEmpty()) {
            return Optional.of("there is no Go compiler (Debian: golang-go)");
        }
        return Files.exists(LIBRARIES.resolve(PACKAGE).resolve("child.go"))
                ? Optional.empty()
                : Optional.of("it is not installed (Debian: golang-github-cloudflare-tableflip-dev)");
    }

    /** Gives the program. Nothing is written outside the directory. */
    static Path build(Path directory) throws IOException, InterruptedException {
        Path copy = Files.createDirectories(directory.resolve(PACKAGE));
        try (Stream<Path> files = Files.list(LIBRARIES.resolve(PACKAGE))) {
            for (Path file : files.filter(GoHandoff::isPartOfIt).toList()) {
                Files.copy(file, copy.resolve(file.getFileName().toString()));
            }
        }
        Path child = copy.resolve("child.go");
        Files.writeString(child, patched(Files.readString(child)));
        Files.writeString(copy.resolve("spawned.go"), resource("spawned.go.txt"));
        Path main = Files.writeString(directory.resolve("main.go"), resource("main.go"));
        return compile(directory, main);
    }

    private static boolean isPartOfIt(Path file) {
        String name = file.getFileName().toString();
        return name.endsWith(".go") && !name.endsWith("_test.go");
    }

    /** With a line behind the one that starts the child. */
    static String patched(String source) {
        if (source.indexOf(SPAWN) < 0 || source.indexOf(SPAWN) != source.lastIndexOf(SPAWN)) {
            throw new BenchmarkException(
                    "this release of Go's tableflip starts its child in another way than by " + SPAWN);
        }
        return source.replace(SPAWN, SPAWN + "\tnoteSpawned()\n");
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = GoHandoff.class.getResourceAsStream("/go/handoff/" + name)) {
            if (in == null) {
                throw new BenchmarkException(name + " is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Path compile(Path directory, Path main) throws IOException, InterruptedException {
        Path program = directory.resolve("handoff");
        Path output = directory.resolve("output");
        ProcessBuilder builder = new ProcessBuilder(List.of("go", "build", "-o", program.toString(), main.toString()))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment()
                .putAll(Map.of(
                        "GO111MODULE",
                        "off",
                        "GOPATH", // the copy comes first
                        directory + ":" + LIBRARIES,
                        "GOFLAGS",
                        "",
                        "GOCACHE",
                        directory.resolve("cache").toString(),
                        "CGO_ENABLED", // else it would need a C compiler
                        "0"));
        if (builder.start().waitFor() != 0) {
            throw new BenchmarkException("the Go program does not compile:\n" + Files.readString(output));
        }
        return program;
    }
}
