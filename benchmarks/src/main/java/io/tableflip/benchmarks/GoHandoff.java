package io.tableflip.benchmarks;

import io.tableflip.testsupport.GoCompiler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Builds {@code go/handoff} against a copy of Debian's package of Go's tableflip, which differs from it in that it notes when a child was started.
 */
final class GoHandoff {

    private static final String PACKAGE = "src/github.com/cloudflare/tableflip";
    private static final String SPAWN = "\tproc, err := env.newProc(os.Args[0], os.Args[1:], fds, environ)\n";

    private GoHandoff() {}

    /** Gives the program. Nothing is written outside the directory. */
    static Path build(Path directory) throws IOException, InterruptedException {
        Path copy = Files.createDirectories(directory.resolve(PACKAGE));
        try (Stream<Path> files = Files.list(GoCompiler.LIBRARIES.resolve(PACKAGE))) {
            for (Path file : files.filter(GoHandoff::isPartOfIt).toList()) {
                Files.copy(file, copy.resolve(file.getFileName().toString()));
            }
        }
        Path child = copy.resolve("child.go");
        Files.writeString(child, patched(Files.readString(child)));
        Files.writeString(copy.resolve("spawned.go"), GoProgram.resource("handoff/spawned.go.txt"));
        Path main = Files.writeString(directory.resolve("main.go"), GoProgram.resource("handoff/main.go"));
        return GoProgram.compile("handoff", directory, main);
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
}
