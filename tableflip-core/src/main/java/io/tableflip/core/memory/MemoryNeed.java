package io.tableflip.core.memory;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.MemoryCheck;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.JvmOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Compares what a child may need with what is free, before it is started. A child may need what this process
 * has taken at its peak; if its command has an {@code -Xmx}, that much heap, and besides what this process
 * has besides its own heap. Thread-safe.
 */
public final class MemoryNeed {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** What a JVM has besides its heap at the very least. */
    private static final long LEAST_BESIDES = 32 << 20;

    private final ProcFs proc;
    private final Cgroups cgroups;
    private final MemoryCheck check;

    public MemoryNeed(ProcFs proc, MemoryCheck check) {
        this(proc, Path.of("/"), check);
    }

    /** @param root where the mounts of the cgroups are: {@code /} except in tests */
    MemoryNeed(ProcFs proc, Path root, MemoryCheck check) {
        this.proc = proc;
        this.check = check;
        cgroups = new Cgroups(proc, root);
    }

    /**
     * Warns, or refuses. What cannot be found out holds up no upgrade.
     *
     * @throws UpgradeException with {@link Reason#NOT_ENOUGH_MEMORY}
     */
    public void admit(ChildCommand command) throws UpgradeException {
        for (Shortage shortage : shortages(command)) {
            if (check == MemoryCheck.REFUSE && !shortage.soft) {
                throw new UpgradeException(Reason.NOT_ENOUGH_MEMORY, shortage.text);
            }
            LOG.log(WARNING, "upgrade: {0}", shortage.text);
        }
    }

    /** Loads what {@link #admit} needs: the first time takes tens of milliseconds. */
    public void rehearse(ChildCommand command) {
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
            Need need = need(command);
            List<MemoryLimit> limits = limits();
            LOG.log(DEBUG, "memory: {0}; free: {1}", need, limits);
            for (boolean soft : new boolean[] {true, false}) {
                tightest(limits, soft).flatMap(need::over).ifPresent(text -> shortages.add(new Shortage(text, soft)));
            }
        } catch (IOException | RuntimeException | LinkageError e) {
            LOG.log(DEBUG, "the memory for the child is not checked", e);
        }
        return shortages;
    }

    private static Optional<MemoryLimit> tightest(List<MemoryLimit> limits, boolean soft) {
        return limits.stream().filter(limit -> limit.soft() == soft).min(Comparator.comparingLong(MemoryLimit::free));
    }

    /** Those of the cgroups, and what the machine has. */
    List<MemoryLimit> limits() throws IOException {
        List<MemoryLimit> limits = new ArrayList<>(cgroups.limits());
        OptionalLong all = proc.kilobytes("meminfo", "MemTotal");
        OptionalLong free = proc.kilobytes("meminfo", "MemAvailable");
        if (all.isPresent() && free.isPresent()) {
            limits.add(new MemoryLimit("this machine", all.getAsLong() << 10, free.getAsLong() << 10, false));
        }
        return limits;
    }

    /** What a child may need, and how that is known. */
    private record Need(long bytes, String how) {
        Optional<String> over(MemoryLimit limit) {
            if (bytes <= limit.free()) {
                return Optional.empty();
            }
            String end =
                    limit.soft() ? "both processes are slowed down" : "the kernel kills one of the processes, or all";
            return Optional.of(this + ", and only " + limit + " are free: if it takes more, " + end + ". Make room for "
                    + MemoryLimit.text(bytes - limit.free()) + " more, or give the new process a smaller heap");
        }

        @Override
        public String toString() {
            return "the new process may need " + MemoryLimit.text(bytes) + " (" + how + ")";
        }
    }

    /**
     * The launcher puts JDK_JAVA_OPTIONS in front of the arguments, and the JVM JAVA_TOOL_OPTIONS in front of
     * all.
     */
    private static OptionalLong maxHeap(ChildCommand command) {
        OptionalLong heap = JvmOptions.maxHeap(command.command());
        if (JvmOptions.isJava(command.command())) {
            for (String variable : List.of("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")) {
                if (heap.isEmpty()) {
                    String options = command.environment().getOrDefault(variable, "");
                    heap = JvmOptions.maxHeap(List.of(("java " + options).split("\\s+")));
                }
            }
        }
        return heap;
    }

    private Need need(ChildCommand command) throws IOException {
        long peak = proc.kilobytes("self/status", "VmHWM").orElse(0) << 10;
        OptionalLong heap = maxHeap(command);
        if (heap.isEmpty()) {
            return new Need(peak, "as much as this one at its peak");
        }
        long besides = Math.max(LEAST_BESIDES, peak - Runtime.getRuntime().totalMemory());
        return new Need(
                heap.getAsLong() + besides,
                "heap " + MemoryLimit.text(heap.getAsLong()) + " by -Xmx, " + MemoryLimit.text(besides) + " besides");
    }
}
