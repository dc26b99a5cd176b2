package io.tableflip.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/** Programs that a test needs beside the JDK. */
final class Tools {
    private Tools() {}

    /** Skips the test, and says why, where the program is not installed. */
    static void assumeInstalled(String program) {
        assumeTrue(installed(program).isPresent(), program + " is not installed");
    }

    /** Where a program is; skips the test, and says why, where it is not installed. */
    static Path find(String program) {
        assumeInstalled(program);
        return installed(program).orElseThrow();
    }

    private static Optional<Path> installed(String program) {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .map(place -> Path.of(place, program))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
