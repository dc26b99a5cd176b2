package io.tableflip.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** A cgroup with a limit, of whichever version has the controller on this machine. */
final class LimitedCgroup implements AutoCloseable {
    private final String controller;
    private final Path directory;

    private LimitedCgroup(String controller, Path directory) {
        this.controller = controller;
        this.directory = directory;
    }

    /** Skips the test, and says why, where none can be made. */
    static LimitedCgroup ofMemory(int mebibytes) throws IOException {
        LimitedCgroup cgroup = of("memory");
        Path old = cgroup.directory.resolve("memory.limit_in_bytes");
        return cgroup.limited(Files.exists(old) ? old : cgroup.directory.resolve("memory.max"), mebibytes + "M");
    }

    /** One of threads, without a limit so far. Skips the test, and says why, where none can be made. */
    static LimitedCgroup ofThreads() throws IOException {
        LimitedCgroup cgroup = of("pids");
        return cgroup.limited(cgroup.directory.resolve("pids.max"), "max");
    }

    private LimitedCgroup limited(Path file, String limit) throws IOException {
        try {
            Files.writeString(file, limit, StandardOpenOption.WRITE);
            return this;
        } catch (IOException e) {
            close();
            assumeTrue(false, none(controller) + e);
            throw e;
        }
    }

    /** Allows so many threads more than there are now. */
    void allowThreads(int more) throws IOException {
        long now = Long.parseLong(
                Files.readString(directory.resolve("pids.current")).strip());
        Files.writeString(directory.resolve("pids.max"), Long.toString(now + more));
    }

    private static String none(String controller) {
        return "no cgroup with a limit of " + controller + " can be made here: ";
    }

    private static LimitedCgroup of(String controller) throws IOException {
        String none = none(controller);
        Optional<Path> mounted = mount(controller);
        assumeTrue(mounted.isPresent(), none + "no hierarchy that controls it is mounted");
        Path mount = mounted.orElseThrow();
        assumeTrue(Files.isWritable(mount), none + mount + " is not writable");
        Path directory = mount.resolve("tableflip-" + UUID.randomUUID());
        try {
            Files.createDirectory(directory);
        } catch (IOException e) {
            assumeTrue(false, none + e);
        }
        return new LimitedCgroup(controller, directory);
    }

    private static Optional<Path> mount(String controller) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            String[] fields = line.split(" ", -1);
            Path point = Path.of(fields[4]);
            boolean old = line.matches(".* - cgroup \\S+ (.*,)?" + controller + "(,.*)?");
            boolean unified = line.contains(" - cgroup2 ")
                    && List.of(Files.readString(point.resolve("cgroup.subtree_control"))
                                    .split("\\s+", -1))
                            .contains(controller);
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
