package io.tableflip.core.memory;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The limits of memory under which this process, and so its child, runs: those of its own cgroup and of all
 * above it that can be seen, of version 1 and 2. A file that is missing or makes no sense counts as no limit.
 */
final class Cgroups {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** Version 1 writes "no limit" as the largest number of whole pages. */
    private static final long UNLIMITED = Long.MAX_VALUE / 2;

    private final ProcFs proc;
    private final Path root;

    /** @param root what the mount points in {@code mountinfo} begin at: {@code /} but for tests */
    Cgroups(ProcFs proc, Path root) {
        this.proc = proc;
        this.root = root;
    }

    /** A mounted hierarchy that has memory to control. */
    private record Mount(String directory, Path point, boolean unified) {}

    List<MemoryLimit> limits() {
        List<MemoryLimit> limits = new ArrayList<>();
        try {
            List<String> memberships = proc.cgroups();
            List<Mount> mounts = proc.mounts().stream().flatMap(this::mount).toList();
            for (boolean unified : new boolean[] {true, false}) {
                String member = membership(memberships, unified);
                if (member != null) {
                    List<Mount> candidates = mounts.stream()
                            .filter(mount -> mount.unified == unified)
                            .toList();
                    addLimits(candidates, member, limits);
                }
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the limits of memory are not known", e);
        }
        return limits;
    }

    /** {@code 36 25 0:31 ROOT POINT rw shared:9 - cgroup2 SOURCE rw,nsdelegate}; nothing for other mounts. */
    private Stream<Mount> mount(String line) {
        int separator = line.indexOf(" - ");
        String[] mount = line.split(" ", -1);
        String[] file =
                separator < 0 ? new String[0] : line.substring(separator + 3).split(" ", -1);
        if (mount.length < 5 || file.length < 3) {
            return Stream.empty();
        }
        boolean unified = file[0].equals("cgroup2");
        if (!unified && !(file[0].equals("cgroup") && hasMemory(file[2]))) {
            return Stream.empty();
        }
        Path point = root.resolve(unescaped(mount[4]).substring(1));
        return Stream.of(new Mount(unescaped(mount[3]), point, unified));
    }

    private static boolean hasMemory(String controllers) {
        return List.of(controllers.split(",", -1)).contains("memory");
    }

    /** The kernel writes blanks, tabs, newlines and backslashes as three octal digits. */
    private static String unescaped(String path) {
        return path.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }

    /** {@code 0::PATH} in version 2, {@code 4:memory:PATH} in version 1. */
    private static @Nullable String membership(List<String> lines, boolean unified) {
        for (String line : lines) {
            String[] fields = line.split(":", 3);
            if (fields.length == 3 && (unified ? fields[1].isEmpty() && fields[0].equals("0") : hasMemory(fields[1]))) {
                return fields[2];
            }
        }
        return null;
    }

    /**
     * Another mount of the same hierarchy may show a part of it that this process is not in: only if none has
     * its cgroup, the first one must do.
     */
    private static void addLimits(List<Mount> mounts, String member, List<MemoryLimit> limits) {
        for (Mount mount : mounts) {
            Optional<Path> own = directory(mount, member);
            if (own.isPresent()) {
                addLimits(mount, own.get(), limits);
                return;
            }
        }
        if (!mounts.isEmpty()) {
            addLimits(mounts.get(0), mounts.get(0).point, limits);
        }
    }

    private static void addLimits(Mount mount, Path own, List<MemoryLimit> limits) {
        for (Path cgroup = own; cgroup != null && cgroup.startsWith(mount.point); cgroup = cgroup.getParent()) {
            String name = "cgroup /" + mount.point.relativize(cgroup);
            if (mount.unified) {
                addUnified(cgroup, name, limits);
            } else if (cgroup.equals(own)
                    || read(cgroup, "memory.use_hierarchy").orElse(1) != 0) {
                addOld(cgroup, name, limits);
            }
        }
    }

    /**
     * Where the cgroup of this process is below a mount. In a container that is often what is mounted itself,
     * while its path is told from the machine's root, or leads nowhere.
     */
    private static Optional<Path> directory(Mount mount, String member) {
        String above = mount.directory.equals("/") ? "" : mount.directory;
        if (!(member + "/").startsWith(above + "/")) {
            return Optional.empty();
        }
        String below = member.substring(above.length()).replaceFirst("^/+", "");
        Path directory = mount.point.resolve(below).normalize();
        return directory.startsWith(mount.point) && Files.isDirectory(directory)
                ? Optional.of(directory)
                : Optional.empty();
    }

    private static void addUnified(Path cgroup, String name, List<MemoryLimit> limits) {
        for (String file : List.of("memory.max", "memory.high")) {
            OptionalLong limit = read(cgroup, file);
            OptionalLong used = limit.isEmpty() ? limit : read(cgroup, "memory.current");
            if (used.isPresent()) {
                long free = limit.getAsLong() - used.getAsLong() + pageCache(cgroup, "");
                limits.add(new MemoryLimit(name, limit.getAsLong(), free, file.equals("memory.high")));
            }
        }
    }

    private static void addOld(Path cgroup, String name, List<MemoryLimit> limits) {
        OptionalLong limit = read(cgroup, "memory.limit_in_bytes");
        OptionalLong used = limit.isEmpty() ? limit : read(cgroup, "memory.usage_in_bytes");
        if (used.isPresent()) {
            long free = limit.getAsLong() - used.getAsLong() + pageCache(cgroup, "total_");
            limits.add(new MemoryLimit(name, limit.getAsLong(), free, false));
        }
    }

    /**
     * What the kernel takes back before it kills anybody. (Shared memory, which it cannot, is not among it.)
     */
    private static long pageCache(Path cgroup, String prefix) {
        long cache = 0;
        try {
            for (String line : Files.readAllLines(cgroup.resolve("memory.stat"))) {
                if (line.startsWith(prefix + "inactive_file ") || line.startsWith(prefix + "active_file ")) {
                    cache +=
                            Long.parseLong(line.substring(line.indexOf(' ') + 1).strip());
                }
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "page cache", e);
        }
        return cache;
    }

    /** Empty for "max" and its like, and where there is no such file. */
    private static OptionalLong read(Path cgroup, String file) {
        try {
            Path path = cgroup.resolve(file);
            String text = Files.exists(path) ? Files.readString(path).strip() : "max";
            long value = text.equals("max") ? Long.MAX_VALUE : Long.parseLong(text);
            return value < 0 || value >= UNLIMITED ? OptionalLong.empty() : OptionalLong.of(value);
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "no number in " + cgroup.resolve(file), e);
            return OptionalLong.empty();
        }
    }
}
