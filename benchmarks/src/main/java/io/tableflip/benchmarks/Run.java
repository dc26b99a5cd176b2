package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * What the parts of one run have in common.
 *
 * @param scale how much to measure
 * @param directory for files of servers; goes at the end
 * @param report where the results go
 */
record Run(Scale scale, Path directory, Report report) {
    /** How much to measure. */
    enum Scale {
        /** Each thing once, to see that it works: what the tests do. The figures mean nothing. */
        SMOKE,
        /** In a few minutes. */
        QUICK,
        /** As long as it takes. */
        FULL
    }

    /** One value of three, by the scale. */
    <T> T pick(T smoke, T quick, T full) {
        return switch (scale) {
            case SMOKE -> smoke;
            case QUICK -> quick;
            case FULL -> full;
        };
    }

    /** How often each measurement is repeated. */
    int repeats() {
        return pick(1, 5, 7);
    }

    /** Says on standard error what is going on. */
    void progress(Supplier<String> text) {
        System.err.println("  " + text.get());
    }

    /** A new directory for the files of a server. */
    Path newDirectory(String name) {
        try {
            return Files.createTempDirectory(directory, name + "-");
        } catch (IOException e) {
            throw new BenchmarkException("no directory for " + name, e);
        }
    }
}
