package io.tableflip.core.os;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file system of its own in memory, which may be small or read-only. */
public final class TemporaryDisk implements Closeable {
    private final Path path;

    private TemporaryDisk(Path path) {
        this.path = path;
    }

    /** In that directory; skips the test where none can be mounted. */
    public static TemporaryDisk mount(Path directory, String options) throws IOException {
        Path path = Files.createDirectory(directory.resolve("disk"));
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path.toString()) == 0,
                "a file system cannot be mounted here");
        return new TemporaryDisk(path);
    }

    public Path path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        assertEquals(0, run("umount", path.toString()));
    }

    private static int run(String... command) throws IOException {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
