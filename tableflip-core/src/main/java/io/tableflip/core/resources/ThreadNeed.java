package io.tableflip.core.resources;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.ResourceLimit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Threads for a child. It may need as many as this process has now. Thread-safe. */
final class ThreadNeed implements Need {
    private static final System.Logger LOG = Log.get();

    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_SYS_RESOURCE = 24;

    private final ProcFs proc;
    private final Cgroups cgroups;

    ThreadNeed(ProcFs proc, Cgroups cgroups) {
        this.proc = proc;
        this.cgroups = cgroups;
    }

    /** Under the tightest limit. */
    @Override
    public List<Shortage> shortages(ChildCommand command, int passed) throws IOException {
        OptionalLong threads = proc.number("self/status", "Threads");
        if (threads.isEmpty()) {
            return List.of();
        }
        long need = threads.getAsLong();
        List<ThreadLimit> limits = limits(need);
        LOG.log(DEBUG, "threads: the new process may need {0}; free: {1}", Long.toString(need), limits);
        return limits.stream()
                .min(Comparator.comparingLong(ThreadLimit::free))
                .filter(limit -> limit.free() < need)
                .map(limit -> new Shortage(text(need, limit), false))
                .stream()
                .toList();
    }

    private static String text(long need, ThreadLimit limit) {
        return "the new process may need " + need + " threads (as many as this one has), and only " + limit
                + " are free: if it needs more, it fails, and this process cannot start threads meanwhile."
                + " Raise the limit by " + (need - limit.free()) + " at least (" + limit.raise() + ")";
    }

    /** Those of the cgroups, and that of the user if it may be too low for this need. */
    List<ThreadLimit> limits(long need) {
        List<ThreadLimit> limits = new ArrayList<>();
        for (Cgroup cgroup : cgroups.of("pids")) {
            OptionalLong limit = cgroup.read("pids.max");
            OptionalLong used = limit.isEmpty() ? limit : cgroup.read("pids.current");
            if (used.isPresent()) {
                limits.add(new ThreadLimit(
                        "pids.max",
                        cgroup.name(),
                        limit.getAsLong(),
                        limit.getAsLong() - used.getAsLong(),
                        "TasksMax= of a systemd unit, --pids-limit of a container"));
            }
        }
        try {
            ofUser(need).ifPresent(limits::add);
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "RLIMIT_NPROC is not known", e);
        }
        return limits;
    }

    /**
     * Counting the threads of a user means a look at every process: only if the machine may have that many.
     */
    private Optional<ThreadLimit> ofUser(long need) throws IOException {
        long limit = proc.limit("Max processes").map(ResourceLimit::soft).orElse(Long.MAX_VALUE);
        if (proc.allThreads().orElse(Long.MAX_VALUE) <= limit - need || isExempt()) {
            return Optional.empty();
        }
        long user = proc.user();
        return Optional.of(new ThreadLimit(
                "RLIMIT_NPROC",
                "user " + user,
                limit,
                limit - proc.threadsOf(user),
                "LimitNPROC= of a systemd unit, or prlimit --nproc"));
    }

    /** In a user namespace of its own neither root nor a capability counts, see clone(2) under EAGAIN. */
    private boolean isExempt() throws IOException {
        boolean privileged =
                proc.user() == 0 || proc.hasCapability(CAP_SYS_RESOURCE) || proc.hasCapability(CAP_SYS_ADMIN);
        return privileged && proc.isInFirstUserNamespace();
    }
}
