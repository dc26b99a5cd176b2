package io.tableflip.core;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.UpgradeException.Reason;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Compares what a child may take with what is free, before it is spawned. Thread-safe. */
final class ChildMemory {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** What a JVM has besides its heap at the very least. */
    private static final long LEAST_BESIDES = 32 << 20;

    private final ProcFs proc;
    private final Cgroups cgroups;
    private final MemoryCheck check;

    ChildMemory(ProcFs proc, MemoryCheck check) {
        this(proc, Path.of("/"), check);
    }

    /** @param root where the mounts of the cgroups are: {@code /} but for tests */
    ChildMemory(ProcFs proc, Path root, MemoryCheck check) {
        this.proc = proc;
        this.check = check;
        cgroups = new Cgroups(proc, root);
    }

    /**
     * Warns, or refuses. What cannot be found out holds up no upgrade.
     *
     * @throws UpgradeException with {@link Reason#NOT_ENOUGH_MEMORY}
     */
    void admit(ChildCommand command) throws UpgradeException {
        for (Shortage shortage : shortages(command)) {
            if (check == MemoryCheck.REFUSE && !shortage.soft) {
                throw new UpgradeException(Reason.NOT_ENOUGH_MEMORY, shortage.text);
            }
            LOG.log(WARNING, "upgrade: {0}", shortage.text);
        }
    }

    /** Loads what {@link #admit} needs: the first time takes tens of milliseconds. */
    void rehearse(ChildCommand command) {
        shortages(command);
    }

    private record Shortage(String text, boolean soft) {}

    /** Under the tightest limit, and under the tightest soft one. */
    private List<Shortage> shortages(ChildCommand command) {
        List<Shortage> shortages = new ArrayList<>();
        if (check == MemoryCheck.OFF) {
            return shortages;
        }
        try {
            List<MemoryLimit> limits = limits();
            Need need = need(command, limits);
            LOG.log(DEBUG, "memory: {0}; free: {1}", need, limits);
            for (boolean soft : new boolean[] {true, false}) {
                tightest(limits, soft).flatMap(need::over).ifPresent(text -> shortages.add(new Shortage(text, soft)));
            }
        } catch (RuntimeException | LinkageError e) {
            LOG.log(DEBUG, "the memory for the child is not checked", e);
        }
        return shortages;
    }

    private static Optional<MemoryLimit> tightest(List<MemoryLimit> limits, boolean soft) {
        return limits.stream().filter(limit -> limit.soft() == soft).min(Comparator.comparingLong(MemoryLimit::free));
    }

    /** Those of the cgroups, and what the machine has. */
    List<MemoryLimit> limits() {
        List<MemoryLimit> limits = new ArrayList<>(cgroups.limits());
        try {
            OptionalLong all = proc.kilobytes("meminfo", "MemTotal");
            OptionalLong free = proc.kilobytes("meminfo", "MemAvailable");
            if (all.isPresent() && free.isPresent()) {
                limits.add(new MemoryLimit("this machine", all.getAsLong() << 10, free.getAsLong() << 10, false));
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the memory of the machine is not known", e);
        }
        return limits;
    }

    /** What a child of that command may take. */
    private record Need(ChildHeap heap, long besides) {
        Optional<String> over(MemoryLimit limit) {
            long most = heap.max() + besides;
            if (most <= limit.free()) {
                return Optional.empty();
            }
            String soon = heap.initial() + besides > limit.free()
                    ? ", less than the " + MemoryLimit.text(heap.initial() + besides) + " that it takes soon"
                    : "";
            String end =
                    limit.soft() ? "both processes are slowed down" : "the kernel kills one of the processes, or all";
            return Optional.of(this + ", and only " + limit + " are free" + soon + ": if it takes more, " + end
                    + ". Make room for " + MemoryLimit.text(most - limit.free())
                    + " more, or give the new process a smaller heap");
        }

        @Override
        public String toString() {
            return "the new process may take " + MemoryLimit.text(heap.max() + besides) + " (heap "
                    + MemoryLimit.text(heap.max()) + " " + heap.by() + ", " + MemoryLimit.text(besides) + " besides)";
        }
    }

    private Need need(ChildCommand command, List<MemoryLimit> limits) {
        MemoryMXBean own = ManagementFactory.getMemoryMXBean();
        if (JvmOptions.isJava(command.command())) {
            long memory = limits.stream()
                    .filter(limit -> !limit.soft())
                    .mapToLong(MemoryLimit::limit)
                    .min()
                    .orElse(Runtime.getRuntime().maxMemory() * 4);
            return new Need(ChildHeap.of(command, memory), besides(own));
        }
        long initial = Math.max(0, own.getHeapMemoryUsage().getInit());
        String by = "as this one, since that of a start script is not known";
        return new Need(new ChildHeap(initial, Runtime.getRuntime().maxMemory(), by), besides(own));
    }

    /**
     * What this process has besides its heap: the child is the same program. The part of its memory that is no file's, less the heap; or, as
     * not all of the heap was touched yet, what the JVM knows of, if that is more.
     */
    private long besides(MemoryMXBean own) {
        long known = own.getNonHeapMemoryUsage().getCommitted()
                + ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum();
        long anonymous = 0;
        try {
            anonymous = proc.kilobytes("self/status", "RssAnon").orElse(0) << 10;
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "the memory of this process is not known", e);
        }
        long beyondHeap = anonymous - own.getHeapMemoryUsage().getCommitted();
        return Math.max(LEAST_BESIDES, Math.max(known, beyondHeap));
    }
}
