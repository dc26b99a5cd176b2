package io.tableflip.core.resources;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** The limits of memory under which this process, and so its child, runs. */
final class MemoryLimits {
    private static final System.Logger LOG = Log.get();

    private final ProcFs proc;
    private final Cgroups cgroups;

    MemoryLimits(ProcFs proc, Cgroups cgroups) {
        this.proc = proc;
        this.cgroups = cgroups;
    }

    /** Those of the cgroups, and what the machine has, if that is known. */
    List<MemoryLimit> all() {
        List<MemoryLimit> limits = ofCgroups();
        try {
            OptionalLong all = proc.number("meminfo", "MemTotal");
            OptionalLong free = proc.number("meminfo", "MemAvailable");
            if (all.isPresent() && free.isPresent()) {
                limits.add(new MemoryLimit("this machine", all.getAsLong() << 10, free.getAsLong() << 10, false));
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the memory of this machine is not known", e); // ProcSubset=pid hides it
        }
        return limits;
    }

    List<MemoryLimit> ofCgroups() {
        List<MemoryLimit> limits = new ArrayList<>();
        for (Cgroup cgroup : cgroups.of("memory")) {
            if (cgroup.unified()) {
                addUnified(cgroup, limits);
            } else if (cgroup.own() || cgroup.read("memory.use_hierarchy").orElse(1) != 0) {
                addOld(cgroup, limits);
            }
        }
        return limits;
    }

    private static void addUnified(Cgroup cgroup, List<MemoryLimit> limits) {
        for (String file : List.of("memory.max", "memory.high")) {
            OptionalLong limit = cgroup.read(file);
            OptionalLong used = limit.isEmpty() ? limit : cgroup.read("memory.current");
            if (used.isPresent()) {
                long free = limit.getAsLong() - used.getAsLong() + pageCache(cgroup, "");
                limits.add(new MemoryLimit(cgroup.name(), limit.getAsLong(), free, file.equals("memory.high")));
            }
        }
    }

    private static void addOld(Cgroup cgroup, List<MemoryLimit> limits) {
        OptionalLong limit = cgroup.read("memory.limit_in_bytes");
        OptionalLong used = limit.isEmpty() ? limit : cgroup.read("memory.usage_in_bytes");
        if (used.isPresent()) {
            long free = limit.getAsLong() - used.getAsLong() + pageCache(cgroup, "total_");
            limits.add(new MemoryLimit(cgroup.name(), limit.getAsLong(), free, false));
        }
    }

    /**
     * What the kernel takes back before it kills anybody. (Shared memory, which it cannot, is not among it.)
     */
    private static long pageCache(Cgroup cgroup, String prefix) {
        long cache = 0;
        try {
            for (String line : Files.readAllLines(cgroup.directory().resolve("memory.stat"))) {
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
}
