package io.tableflip.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** A cgroup with a limit of memory, of whichever version controls the memory of this machine. */
final class MemoryCgroup implements AutoCloseable {
    private final Path directory;

    private MemoryCgroup(Path directory) {
        this.directory = directory;
    }

    /** Skips the test, and says why, where none can be made. */
    static MemoryCgroup withLimit(int mebibytes) throws IOException {
        String none = "no cgroup with a limit of memory can be made here: ";
        Optional<Path> mounted = mount();
        assumeTrue(mounted.isPresent(), none + "no hierarchy that controls memory is mounted");
        Path mount = mounted.orElseThrow();
        assumeTrue(Files.isWritable(mount), none + mount + " is not writable");
        Path directory = mount.resolve("tableflip-" + UUID.randomUUID());
        try {
            Files.createDirectory(directory);
        } catch (IOException e) {
            assumeTrue(false, none + e);
        }
        MemoryCgroup cgroup = new MemoryCgroup(directory);
        try {
            Path old = directory.resolve("memory.limit_in_bytes");
            Files.writeString(Files.exists(old) ? old : directory.resolve("memory.max"), mebibytes + "M");
            return cgroup;
        } catch (IOException e) {
            cgroup.close();
            assumeTrue(false, none + e);
            throw e;
        }
    }

    private static Optional<Path> mount() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            String[] fields = line.split(" ", -1);
            Path point = Path.of(fields[4]);
            boolean old = line.matches(".* - cgroup \\S+ (.*,)?memory(,.*)?");
            boolean unified = line.contains(" - cgroup2 ")
                    && List.of(Files.readString(point.resolve("cgroup.subtree_control"))
                                    .split("\\s+", -1))
                            .contains("memory");
            if (old || unified) {
                return Optional.of(point);
            }
        }
        return Optional.empty();
    }

    String name() {
        return directory.getFileName().toString();
    }

    /** A command that runs the one behind it in this cgroup, as the same process. */
    String[] launcher(String program) {
        return new String[] {"/bin/sh", "-c", "echo $$ > " + directory + "/cgroup.procs && exec \"$@\"", "sh", program};
    }

    /** All its processes have been ended by then; the kernel takes a moment to notice. */
    @Override
    public void close() {
        Await.until("the cgroup is removed", () -> directory.toFile().delete() || !Files.exists(directory));
    }
}
