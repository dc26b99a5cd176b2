package io.tableflip.testsupport;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Compiles programs in Go against Debian's package of Go's tableflip. The benchmarks use it too, without JUnit. */
public final class GoCompiler {
    /** Where Debian puts the sources of Go libraries. */
    public static final Path LIBRARIES = Path.of("/usr/share/gocode");

    private GoCompiler() {}

    /** Names what is not installed here; {@code null} if nothing is missing. */
    public static @Nullable String missing() {
        if (!Tools.isInstalled("go")) {
            return "no Go compiler here (Debian: golang-go)";
        }
        return Files.exists(LIBRARIES.resolve("src/github.com/cloudflare/tableflip/upgrader.go"))
                ? null
                : "no tableflip for Go here (Debian: golang-github-cloudflare-tableflip-dev)";
    }

    /**
     * Compiles a program. Libraries that are in the directory come before those of Debian.
     *
     * @param directory for the program, and all that it takes to make it
     * @param cache for what the compiler keeps, the compiled standard library above all
     * @throws IllegalStateException if the program is wrong, with what the compiler says
     */
    public static Path compile(String name, Path source, Path directory, Path cache)
            throws IOException, InterruptedException {
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
                        cache.toString(),
                        "CGO_ENABLED", // else it would need a C compiler
                        "0"));
        if (builder.start().waitFor() != 0) {
            throw new IllegalStateException("go build " + name + "\n" + Files.readString(output));
        }
        return program;
    }
}
