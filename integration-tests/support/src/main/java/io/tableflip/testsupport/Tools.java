package io.tableflip.testsupport;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Programs that a test needs beside the JDK. */
public final class Tools {
    private Tools() {}

    /** Whether there is such a program in {@code PATH}. */
    public static boolean isInstalled(String program) {
        return installed(program).isPresent();
    }

    /** Skips the test, and says why, where the program is not installed. */
    public static void assumeInstalled(String program) {
        assumeTrue(isInstalled(program), program + " is not installed");
    }

    /** Where a program is; skips the test, and says why, where it is not installed. */
    public static Path find(String program) {
        assumeInstalled(program);
        return installed(program).orElseThrow();
    }

    private static Optional<Path> installed(String program) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
                .map(place -> Path.of(place, program))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
