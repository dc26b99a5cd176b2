package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.os.PidFile;
import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The PID file and the status file beside it; neither, if the user wants none. */
final class ServiceFiles {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final @Nullable PidFile pidFile;
    private final @Nullable StatusFile statusFile;
    private volatile @Nullable String missing;

    ServiceFiles(@Nullable PidFile pidFile, @Nullable StatusFile statusFile) {
        this.pidFile = pidFile;
        this.statusFile = statusFile;
    }

    /** As {@link PidFile#leaveToLauncher}. */
    void leaveToLauncher(Map<String, String> environment) {
        if (pidFile != null) {
            pidFile.leaveToLauncher(environment);
        }
    }

    /** As {@link PidFile#prepare}. */
    void prepare() throws IOException {
        if (pidFile != null) {
            pidFile.prepare();
        }
    }

    /**
     * After {@link #prepare} has failed: a service that nobody could give such files may serve without, as it
     * may on a platform that knows no upgrades. Any other failure is a mistake in its configuration, which
     * should show at the start.
     *
     * @return whether it may
     */
    boolean doWithout(IOException failure) {
        if (pidFile == null || !pidFile.isOnReadOnlyFileSystem()) {
            return false;
        }
        missing = failure.getMessage();
        LOG.log(
                WARNING,
                "the file system is read-only: {0}. This process serves without it, and no upgrade will be possible;"
                        + " a tmpfs there would do",
                missing);
        if (statusFile != null) {
            statusFile.remove(); // and not attempted again
        }
        return true;
    }

    /** Why there is no PID file although the user wants one; {@code null} if there is. */
    @Nullable
    String missing() {
        return missing;
    }

    /** As {@link PidFile#commit}. */
    void commit() throws IOException {
        if (pidFile != null && missing == null) {
            pidFile.commit();
        }
    }

    /**
     * After an upgrade that failed: the PID file names this process again, and what the child had prepared is
     * removed.
     */
    void restore(long child) {
        if (pidFile != null) {
            pidFile.restore(child);
        }
        if (statusFile != null) {
            statusFile.discard(child);
        }
    }

    /** Removes what a process had prepared and not put in place. */
    void discard(long preparedBy) {
        if (pidFile != null && missing == null) {
            pidFile.discard(preparedBy);
        }
        if (statusFile != null) {
            statusFile.discard(preparedBy);
        }
    }

    /**
     * At the final stop: removes those that name this process; a PID file of a launcher's is left to that.
     */
    void remove() {
        if (statusFile != null) {
            statusFile.remove(); // first: who finds no PID file looks for nothing else
        }
        if (pidFile != null && missing == null) {
            pidFile.remove();
        }
    }
}
