package io.tableflip.core.resources;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.ResourceLimit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Descriptors, of which each process has its own count. An upgrade opens some in this process. The child may
 * need as many as this process has open. Thread-safe.
 */
final class DescriptorNeed implements Need {
    private static final System.Logger LOG = Log.get();

    /** The two pipes to the child, and the files that are open at the same time. */
    private static final long PIPES_AND_FILES = 8;

    private static final String REMEDY =
            " (prlimit --nofile, and LimitNOFILE= of a systemd unit for the next start), or"
                    + " upgrade when fewer connections are open";

    private final ProcFs proc;

    DescriptorNeed(ProcFs proc) {
        this.proc = proc;
    }

    @Override
    public List<Shortage> shortages(ChildCommand command, int passed) throws IOException {
        List<Shortage> shortages = new ArrayList<>();
        Optional<ResourceLimit> limit = proc.limit("Max open files");
        long more = PIPES_AND_FILES + passed;
        if (limit.isPresent() && mayBeTooLow(limit.get().soft() - more)) {
            List<Integer> open = proc.openFds();
            LOG.log(DEBUG, "descriptors: {0} open; {1}", Integer.toString(open.size()), limit.get());
            here(limit.get().soft(), open, passed).ifPresent(shortages::add);
            child(limitOfChild(limit.get(), command), open.size()).ifPresent(shortages::add);
        }
        return shortages;
    }

    /** Listing a hundred thousand descriptors takes a while. The kernel's table has room for all of them. */
    private boolean mayBeTooLow(long forOpen) throws IOException {
        OptionalLong room = proc.number("self/status", "FDSize");
        return room.isEmpty() || room.getAsLong() > forOpen;
    }

    /**
     * Descriptors with numbers beyond a limit that was lowered take nothing of it. The duplicates are made at
     * the same time: one that is open already counts twice.
     */
    private static Optional<Shortage> here(long limit, List<Integer> open, int passed) {
        long need = PIPES_AND_FILES + passed;
        long free = limit - open.stream().filter(fd -> fd < limit).count();
        if (free >= need) {
            return Optional.empty();
        }
        String text = "an upgrade may open " + need + " descriptors in this process (" + PIPES_AND_FILES
                + " for pipes and files, " + passed + " for what is passed on), and only " + free
                + " of the " + limit
                + " of RLIMIT_NOFILE are free: if they run out, the upgrade fails, and clients cannot connect"
                + " meanwhile. Raise the limit by " + (need - free) + " at least" + REMEDY;
        return Optional.of(new Shortage(text, false));
    }

    private static Optional<Shortage> child(long limit, long open) {
        if (open <= limit) {
            return Optional.empty();
        }
        String text = "the new process may need " + open + " descriptors (as many as this one has open), and"
                + " RLIMIT_NOFILE, which it inherits and which was lowered since, allows " + limit
                + ": beyond that it can neither accept connections nor open files. Raise the limit by "
                + (open - limit) + " at least" + REMEDY;
        return Optional.of(new Shortage(text, false));
    }

    /** A JVM raises its soft limit to the hard one when it starts, unless it is told not to. */
    private static long limitOfChild(ResourceLimit inherited, ChildCommand command) {
        return command.command().contains("-XX:-MaxFDLimit") ? inherited.soft() : inherited.hard();
    }
}
