package io.tableflip.core.launch;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Notices that the program {@code java} has executed itself a second time. It does so where
 * {@code LD_LIBRARY_PATH} names the directory of a JVM, to put its own one first. The command line of the
 * process is then the one that it has made: with the contents of argument files and of
 * {@code JDK_JAVA_OPTIONS} in it.
 */
final class RepeatedExec {
    private static final String VARIABLE = "LD_LIBRARY_PATH";

    private RepeatedExec() {}

    /** The directory of a JVM that is the reason; empty if {@code java} was executed once. */
    static Optional<String> find(Map<String, String> environment, String javaHome) {
        List<String> path = List.of(environment.getOrDefault(VARIABLE, "").split(":", -1));
        return isLibraryDirectory(path.get(0)) && path.get(0).startsWith(javaHome + "/")
                ? path.stream().skip(1).filter(RepeatedExec::isLibraryDirectory).findFirst()
                : Optional.empty();
    }

    /** What the launcher looks for. */
    private static boolean isLibraryDirectory(String directory) {
        try {
            return (directory.endsWith("lib/server") || directory.endsWith("lib/client"))
                    && Files.exists(Path.of(directory, "libjvm.so"));
        } catch (InvalidPathException e) {
            return false;
        }
    }
}
