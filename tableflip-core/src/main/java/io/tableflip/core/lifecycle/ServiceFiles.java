package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.os.PidFile;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The PID file and the status file beside it; neither, if the user wants none. Both are left alone as long as
 * the PID file names another living service, which its status file proves: a number alone can be that of any
 * process.
 */
final class ServiceFiles {
    private static final System.Logger LOG = Log.get();

    private final @Nullable PidFile pidFile;
    private final @Nullable StatusFile statusFile;
    private final ProcFs proc;
    private final long pid;
    private final long parent;
    private volatile @Nullable String missing;
    private volatile boolean anothers;

    /** @param parent the process that this one replaces; 0 if there is none */
    ServiceFiles(@Nullable PidFile pidFile, @Nullable StatusFile statusFile, ProcFs proc, long pid, long parent) {
        this.pidFile = pidFile;
        this.statusFile = statusFile;
        this.proc = proc;
        this.pid = pid;
        this.parent = parent;
    }

    /** Whether there is a PID file to look after. */
    boolean isKept() {
        return pidFile != null && missing == null;
    }

    /** What a look at the PID file finds. */
    enum Sight {
        /** It names this process. */
        OURS,
        /** It names another living service. */
        ANOTHERS,
        /** It names no service; perhaps not yet, since a status file is written after the PID file. */
        NOBODYS,
        MISSING
    }

    /** On any thread; reads files. */
    Sight look() {
        if (pidFile != null && pidFile.isUnchanged()) {
            return Sight.OURS;
        }
        Optional<String> named = pidFile == null ? Optional.empty() : pidFile.named();
        if (named.isEmpty()) {
            return Sight.MISSING;
        }
        if (named.get().equals(Long.toString(parent))) {
            return Sight.NOBODYS; // a child takes it over, and need not read the status file before
        }
        return named.get().equals(Long.toString(pid))
                ? Sight.OURS
                : otherService(named.get()).isPresent() ? Sight.ANOTHERS : Sight.NOBODYS;
    }

    private Optional<ServiceStatus> otherService(String named) {
        try {
            ServiceStatus status = pidFile == null ? null : StatusFile.read(StatusFile.of(pidFile.path()));
            return Optional.ofNullable(status)
                    .filter(found -> named.equals(Long.toString(found.pid())))
                    .filter(this::isAlive);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private boolean isAlive(ServiceStatus other) {
        try {
            return proc.startTime(other.pid())
                    .filter(started -> other.started() == 0 || other.started() == started)
                    .isPresent();
        } catch (IOException e) {
            return true;
        }
    }

    /** The PID file names another service: this process serves without. */
    void leaveToOther() {
        if (!anothers && pidFile != null && statusFile != null) {
            anothers = true;
            statusFile.suspend();
            LOG.log(
                    WARNING,
                    "PID file {0} names process {1}, another service that is alive: this process serves without PID"
                            + " file and status file, so that ctl and systemd do not find it. Give each service a"
                            + " pidFile(..) of its own",
                    pidFile.path(),
                    pidFile.named().orElse("unknown"));
        }
    }

    /**
     * Writes the PID file again. Not called while a child may commit.
     *
     * @throws IOException names the PID file
     */
    void writeAgain() throws IOException {
        if (pidFile != null) {
            pidFile.prepare();
            pidFile.commit();
        }
        if (anothers && statusFile != null) {
            anothers = false;
            statusFile.resume();
        }
    }

    /** For people: where it is, and what it names. */
    String describe() {
        return pidFile == null
                ? "no PID file"
                : "PID file " + pidFile.path()
                        + pidFile.named()
                                .map(n -> " names \"" + Printable.of(n) + "\"")
                                .orElse(" is missing");
    }

    /** As {@link PidFile#leaveToLauncher}. */
    void leaveToLauncher(Map<String, String> environment) {
        if (pidFile != null) {
            pidFile.leaveToLauncher(environment);
        }
    }

    /** As {@link PidFile#prepare}. */
    void prepare() throws IOException {
        if (look() == Sight.ANOTHERS) {
            leaveToOther();
        } else if (pidFile != null) {
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
        if (pidFile != null && missing == null && !anothers) {
            pidFile.commit();
        }
    }

    /**
     * After an upgrade that failed: the PID file names this process again, and what the child had prepared is
     * removed.
     */
    void restore(long child) {
        if (pidFile != null && !anothers) {
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
