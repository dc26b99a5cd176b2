package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;

/**
 * Finds what a start script has left running when it became this process: a job in the background has copies
 * of all descriptors that the parent passed. Such jobs are children of this process, though it has not
 * started them.
 */
public final class ScriptJobs {
    private static final System.Logger LOG = Log.get();

    private ScriptJobs() {}

    /**
     * Logs a warning for each such job.
     *
     * @param fd one that only the parent can have passed, still open
     */
    public static void warnOfHolders(ProcFs proc, int fd) {
        String passed = proc.describe(fd).orElse("");
        ProcessHandle.current()
                .children()
                .filter(child ->
                        proc.describe(child.pid(), fd).orElse("not open").equals(passed))
                .forEach(child -> LOG.log(
                        WARNING,
                        "process {0}, which the start script has left running, holds the listeners that were passed to this"
                                + " process: when the service stops, its ports stay open until that process ends. Let the"
                                + " script start it with descriptors 3 and up closed",
                        Long.toString(child.pid())));
    }
}
