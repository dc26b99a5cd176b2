package io.tableflip.testsupport;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Signals of processes. */
public final class Signals {
    /** HUP, INT, QUIT and TERM, as {@code /proc} shows sets of signals. */
    private static final long OF_A_SERVICE = 0x4007;

    private Signals() {}

    /** Sends a signal, by its name without SIG. */
    public static void send(String name, long pid) {
        try {
            // the shell's own kill: the program of that name is not on every machine
            Commands.run("sh", "-c", "kill -s \"$1\" \"$2\"", "sh", name, Long.toString(pid));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The words to put before a command, so that the program gets the signals of a service. Where this JVM ignores some of them, as under
     * nohup, its children would too.
     */
    public static List<String> heeded() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("SigIgn:")
                    && (Long.parseUnsignedLong(line.substring(7).strip(), 16) & OF_A_SERVICE) != 0) {
                return List.of("env", "--default-signal=HUP,INT,QUIT,TERM");
            }
        }
        return List.of();
    }
}
