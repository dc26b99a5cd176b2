package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;

/** Runs programs of the system. */
final class Commands {
    private Commands() {}

    /** Runs one to its end, which must be a good one. */
    static void run(String... command) throws IOException {
        try {
            assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), () -> String.join(" ", command));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
