package io.tableflip.core;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The PID file and the status file beside it; neither, if the user wants none. */
final class ServiceFiles {
    private final @Nullable PidFile pidFile;
    private final @Nullable StatusFile statusFile;

    ServiceFiles(@Nullable PidFile pidFile, @Nullable StatusFile statusFile) {
        this.pidFile = pidFile;
        this.statusFile = statusFile;
    }

    /** As {@link PidFile#prepare}. */
    void prepare() throws IOException {
        if (pidFile != null) {
            pidFile.prepare();
        }
    }

    /** As {@link PidFile#commit}. */
    void commit() throws IOException {
        if (pidFile != null) {
            pidFile.commit();
        }
    }

    /** After an upgrade that failed: the PID file names this process again, and what the child had prepared is removed. */
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
        if (pidFile != null) {
            pidFile.discard(preparedBy);
        }
        if (statusFile != null) {
            statusFile.discard(preparedBy);
        }
    }

    /** At the final stop: removes those that name this process. */
    void remove() {
        if (statusFile != null) {
            statusFile.remove(); // first: who finds no PID file looks for nothing else
        }
        if (pidFile != null) {
            pidFile.remove();
        }
    }
}
