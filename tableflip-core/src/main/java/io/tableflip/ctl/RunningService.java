package io.tableflip.ctl;

import io.tableflip.core.link.ParentLink;
import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.observe.UpgradeRecord;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The process that a PID file names, and what its status file says, as seen from another process. Immutable.
 */
final class RunningService {
    private static final int LONGEST_PID = 20;
    private static final Duration STATUS_WAIT = Duration.ofSeconds(2);

    private final Path pidFile;
    private final ProcFs proc;
    private final long pid;
    private final long startTime;
    private final @Nullable ServiceStatus status;
    private final Instant foundAt;

    private RunningService(
            Path pidFile, ProcFs proc, long pid, long startTime, @Nullable ServiceStatus status, Instant foundAt) {
        this.pidFile = pidFile;
        this.proc = proc;
        this.pid = pid;
        this.startTime = startTime;
        this.status = status;
        this.foundAt = foundAt;
    }

    /**
     * The service that runs now.
     *
     * @throws CtlOutcome.Ended if there is none, or it cannot be told which it is
     */
    static RunningService find(Path pidFile, ProcFs proc) throws CtlOutcome.Ended {
        Instant now = Instant.now();
        long pid = readPid(pidFile);
        Optional<Long> startTime = startTime(proc, pid);
        if (startTime.isEmpty()) {
            throw new CtlOutcome.Ended(
                    Ctl.NOT_RUNNING, "not running: PID file " + pidFile + " names process " + pid + ", which has gone");
        }
        requireSameOwner("PID file", pidFile, proc, pid);
        ServiceStatus status = readStatus(pidFile, proc, pid);
        if (status != null && status.pid() == pid && isAnother(status, startTime.get())) {
            throw new CtlOutcome.Ended(
                    Ctl.NOT_RUNNING,
                    "not running: PID file " + pidFile + " is left over, process " + pid
                            + " is another one, which was started later");
        }
        return new RunningService(pidFile, proc, pid, startTime.get(), status, now);
    }

    private static boolean isAnother(ServiceStatus status, long startTime) {
        return status.started() != 0 && status.started() != startTime;
    }

    private static long readPid(Path pidFile) throws CtlOutcome.Ended {
        try {
            if (Files.exists(pidFile, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(pidFile, LinkOption.NOFOLLOW_LINKS)) {
                throw new CtlOutcome.Ended(Ctl.FAILED, "PID file " + pidFile + " is not a file");
            }
            String content = Files.size(pidFile) > LONGEST_PID
                    ? ""
                    : Files.readString(pidFile).strip();
            if (content.matches("[1-9]\\d{0,9}")) {
                return Long.parseLong(content);
            }
            throw new CtlOutcome.Ended(Ctl.FAILED, "PID file " + pidFile + " holds no process id");
        } catch (NoSuchFileException e) {
            throw new CtlOutcome.Ended(Ctl.NOT_RUNNING, "not running: there is no PID file " + pidFile);
        } catch (IOException e) {
            throw new CtlOutcome.Ended(Ctl.FAILED, "PID file " + pidFile + " cannot be read: " + e);
        }
    }

    private static Optional<Long> startTime(ProcFs proc, long pid) throws CtlOutcome.Ended {
        try {
            return proc.startTime(pid);
        } catch (IOException e) {
            throw new CtlOutcome.Ended(Ctl.FAILED, "process " + pid + " cannot be looked at: " + e);
        }
    }

    /** Whoever may write a file that is read here must not make root signal the processes of others. */
    private static void requireSameOwner(String what, Path file, ProcFs proc, long pid) throws CtlOutcome.Ended {
        try {
            long writer = ((Integer) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS)).longValue();
            long user = proc.user(pid);
            if (writer != 0 && writer != user) {
                throw new CtlOutcome.Ended(
                        Ctl.FAILED,
                        what + " " + file + " belongs to user " + writer + ", but process " + pid + " to user " + user
                                + ": not the service");
            }
        } catch (IOException e) {
            if (startTime(proc, pid).isEmpty()) {
                throw new CtlOutcome.Ended(Ctl.NOT_RUNNING, "not running: process " + pid + " has just gone");
            }
            throw new CtlOutcome.Ended(
                    Ctl.FAILED, "the owners of " + what + " " + file + " and process " + pid + " are not known: " + e);
        }
    }

    /** @param pid whose user, or root, must have written it; a process that has gone has none */
    private static @Nullable ServiceStatus readStatus(Path pidFile, ProcFs proc, long pid) throws CtlOutcome.Ended {
        Path file = StatusFile.of(pidFile);
        try {
            ServiceStatus read = StatusFile.read(file);
            if (read != null && read.pid() == pid && proc.startTime(pid).isPresent()) {
                requireSameOwner("status file", file, proc, pid);
            }
            return read;
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            throw new CtlOutcome.Ended(
                    Ctl.FAILED, "status file cannot be read (by the service's user, or root): " + e.getMessage());
        }
    }

    Path pidFile() {
        return pidFile;
    }

    long pid() {
        return pid;
    }

    /**
     * As {@link #find}; a service that has only just written its PID file is given a moment for its status
     * file.
     */
    static RunningService await(Path pidFile, ProcFs proc) throws CtlOutcome.Ended, InterruptedException {
        RunningService found = find(pidFile, proc);
        long began = System.nanoTime();
        while (found.status().isEmpty() && System.nanoTime() - began < STATUS_WAIT.toNanos()) {
            TimeUnit.NANOSECONDS.sleep(Ctl.LOOK.toNanos());
            found = find(pidFile, proc);
        }
        return found;
    }

    /** What the service says of itself; empty if it has not said anything. */
    Optional<ServiceStatus> status() {
        return Optional.ofNullable(status).filter(found -> found.pid() == pid);
    }

    /** What the status file says now, whichever process has written it. */
    Optional<ServiceStatus> newStatus() throws CtlOutcome.Ended {
        return Optional.ofNullable(readStatus(pidFile, proc, pid));
    }

    /** When it was looked for. */
    Instant foundAt() {
        return foundAt;
    }

    /** Whether a process is there; if that cannot be told, it may be. */
    boolean isThere(long other) {
        try {
            return proc.startTime(other).isPresent();
        } catch (IOException e) {
            return true;
        }
    }

    /** Whether it was spawned by an upgrade of that process, by its environment. */
    boolean isChildOf(long parent) {
        try {
            return proc.environment(pid).stream()
                    .anyMatch(each -> each.startsWith(ParentLink.LINK + "=2:" + parent + ":"));
        } catch (IOException e) {
            return false;
        }
    }

    boolean hasGone() throws CtlOutcome.Ended {
        return startTime(proc, pid).filter(started -> started == startTime).isEmpty();
    }

    /** {@code generation 3 (pid 1234)}, as far as it is known. */
    String name() {
        return status().map(RunningService::name).orElse("process " + pid);
    }

    static String name(ServiceStatus status) {
        return "generation " + status.generation() + " (pid " + status.pid() + ")";
    }

    /** For people, in some lines. */
    String describe() {
        if (status().isEmpty()) {
            return "running: process " + pid + "; it has no status file " + StatusFile.of(pidFile);
        }
        ServiceStatus says = status().get();
        StringBuilder text = new StringBuilder(says.state() + ": " + name(says) + ", the service since "
                + says.since().truncatedTo(ChronoUnit.SECONDS));
        if (!says.parentExited()) {
            text.append("\nits parent (pid ").append(says.parent()).append(") still finishes its connections");
        }
        text.append('\n').append(lastUpgrade(says.upgrades()));
        return text.toString();
    }

    private static String lastUpgrade(List<UpgradeRecord> upgrades) {
        if (upgrades.isEmpty()) {
            return "no upgrade was asked for since";
        }
        UpgradeRecord last = upgrades.get(upgrades.size() - 1);
        String when = " at " + last.began().truncatedTo(ChronoUnit.SECONDS);
        return switch (last.result()) {
            case RUNNING -> "upgrade under way, begun" + when + (last.pid() == 0 ? "" : ", pid " + last.pid());
            case UPGRADED -> "upgraded" + when;
            case REFUSED -> "last upgrade, asked for" + when + ", was refused: " + last.message();
            case FAILED ->
                "last upgrade, begun" + when + ", failed after " + Ctl.millis(last.took()) + ": " + last.message();
        };
    }
}
