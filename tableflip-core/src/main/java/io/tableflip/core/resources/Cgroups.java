package io.tableflip.core.resources;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The cgroups under whose limits this process, and so its child, runs: its own and all above it that can be
 * seen, of version 1 and 2. What is missing or makes no sense counts as no cgroup.
 */
final class Cgroups {
    private static final System.Logger LOG = Log.get();

    private final ProcFs proc;
    private final Path root;

    /** @param root what the mount points in {@code mountinfo} begin at: {@code /} except in tests */
    Cgroups(ProcFs proc, Path root) {
        this.proc = proc;
        this.root = root;
    }

    /** A mounted hierarchy that may have the controller. */
    private record Mount(String directory, Path point, boolean unified) {}

    /**
     * Each cgroup of the hierarchies that may limit this, from the own one upwards.
     *
     * @param controller {@code memory} or {@code pids}
     */
    List<Cgroup> of(String controller) {
        List<Cgroup> cgroups = new ArrayList<>();
        try {
            List<String> memberships = proc.cgroups();
            List<Mount> mounts = proc.mounts().stream()
                    .flatMap(line -> mount(line, controller))
                    .toList();
            for (boolean unified : new boolean[] {true, false}) {
                String member = membership(memberships, unified, controller);
                if (member != null) {
                    List<Mount> candidates = mounts.stream()
                            .filter(mount -> mount.unified == unified)
                            .toList();
                    addAll(candidates, member, cgroups);
                }
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the cgroups for " + controller + " are not known", e);
        }
        return cgroups;
    }

    /** {@code 36 25 0:31 ROOT POINT rw shared:9 - cgroup2 SOURCE rw,nsdelegate}; nothing for other mounts. */
    private Stream<Mount> mount(String line, String controller) {
        int separator = line.indexOf(" - ");
        String[] mount = line.split(" ", -1);
        String[] file =
                separator < 0 ? new String[0] : line.substring(separator + 3).split(" ", -1);
        if (mount.length < 5 || file.length < 3) {
            return Stream.empty();
        }
        boolean unified = file[0].equals("cgroup2");
        if (!unified && !(file[0].equals("cgroup") && has(controller, file[2]))) {
            return Stream.empty();
        }
        Path point = root.resolve(unescaped(mount[4]).substring(1));
        return Stream.of(new Mount(unescaped(mount[3]), point, unified));
    }

    private static boolean has(String controller, String controllers) {
        return List.of(controllers.split(",", -1)).contains(controller);
    }

    /** The kernel writes blanks, tabs, newlines and backslashes as three octal digits. */
    private static String unescaped(String path) {
        return path.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }

    /** {@code 0::PATH} in version 2, {@code 4:memory:PATH} in version 1. */
    private static @Nullable String membership(List<String> lines, boolean unified, String controller) {
        for (String line : lines) {
            String[] fields = line.split(":", 3);
            if (fields.length == 3
                    && (unified ? fields[1].isEmpty() && fields[0].equals("0") : has(controller, fields[1]))) {
                return fields[2];
            }
        }
        return null;
    }

    /**
     * Another mount of the same hierarchy may show a part of it that this process is not in: only if none has
     * its cgroup, the first one must do.
     */
    private static void addAll(List<Mount> mounts, String member, List<Cgroup> cgroups) {
        for (Mount mount : mounts) {
            Optional<Path> own = directory(mount, member);
            if (own.isPresent()) {
                addAll(mount, own.get(), cgroups);
                return;
            }
        }
        if (!mounts.isEmpty()) {
            addAll(mounts.get(0), mounts.get(0).point, cgroups);
        }
    }

    private static void addAll(Mount mount, Path own, List<Cgroup> cgroups) {
        for (Path cgroup = own; cgroup != null && cgroup.startsWith(mount.point); cgroup = cgroup.getParent()) {
            String name = "cgroup /" + mount.point.relativize(cgroup);
            cgroups.add(new Cgroup(name, cgroup, mount.unified, cgroup.equals(own)));
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
}
