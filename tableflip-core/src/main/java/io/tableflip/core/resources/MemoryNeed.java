package io.tableflip.core.resources;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.JvmOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Memory for a child. It may need what this process has taken at its peak; if its command has an
 * {@code -Xmx}, that much heap, and besides what this process has besides its own heap. Thread-safe.
 */
final class MemoryNeed implements Need {
    private static final System.Logger LOG = Log.get();

    /** What a JVM has besides its heap at the very least. */
    private static final long LEAST_BESIDES = 32 << 20;

    private final ProcFs proc;
    private final MemoryLimits limits;

    MemoryNeed(ProcFs proc, Cgroups cgroups) {
        this.proc = proc;
        limits = new MemoryLimits(proc, cgroups);
    }

    /** Under the tightest limit, and under the tightest soft one. */
    @Override
    public List<Shortage> shortages(ChildCommand command, int passed) throws IOException {
        List<Shortage> shortages = new ArrayList<>();
        Amount need = need(command);
        List<MemoryLimit> all = limits.all();
        LOG.log(DEBUG, "memory: {0}; free: {1}", need, all);
        for (boolean soft : new boolean[] {true, false}) {
            tightest(all, soft).flatMap(need::over).ifPresent(text -> shortages.add(new Shortage(text, soft)));
        }
        return shortages;
    }

    private static Optional<MemoryLimit> tightest(List<MemoryLimit> limits, boolean soft) {
        return limits.stream().filter(limit -> limit.soft() == soft).min(Comparator.comparingLong(MemoryLimit::free));
    }

    /** What a child may need, and how that is known. */
    private record Amount(long bytes, String how) {
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

    private Amount need(ChildCommand command) throws IOException {
        long peak = proc.number("self/status", "VmHWM").orElse(0) << 10;
        OptionalLong heap = maxHeap(command);
        if (heap.isEmpty()) {
            return new Amount(peak, "as much as this one at its peak");
        }
        long besides = Math.max(LEAST_BESIDES, peak - Runtime.getRuntime().totalMemory());
        return new Amount(
                heap.getAsLong() + besides,
                "heap " + MemoryLimit.text(heap.getAsLong()) + " by -Xmx, " + MemoryLimit.text(besides) + " besides");
    }
}
