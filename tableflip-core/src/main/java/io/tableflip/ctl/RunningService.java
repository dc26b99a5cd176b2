package io.tableflip.ctl;

import io.tableflip.core.link.ParentLink;
import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.ServiceStatus.Drain;
import io.tableflip.core.observe.StatusFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The process that a PID file names, and what its status file says, as seen from another process. Immutable.
 */
final class RunningService {
    /** How often the files are looked at. */
    static final Duration LOOK = Duration.ofMillis(50);

    private static final int LONGEST_PID = 20;
    private static final Duration STATUS_WAIT = Duration.ofSeconds(2);

    private final Path pidFile;
    private final Processes processes;
    private final long pid;
    private final long startTime;
    private final @Nullable ServiceStatus status;
    private final Instant foundAt;

    private RunningService(
            Path pidFile,
            Processes processes,
            long pid,
            long startTime,
            @Nullable ServiceStatus status,
            Instant foundAt) {
        this.pidFile = pidFile;
        this.processes = processes;
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
    static RunningService find(Path pidFile, Processes processes) throws CtlOutcome.Ended, InterruptedException {
        Instant now = Instant.now();
        Optional<Long> named = readPid(pidFile);
        long pid = named.isPresent() ? named.get() : withoutPidFile(pidFile, processes);
        Optional<Long> startTime = processes.startTime(pid);
        if (startTime.isEmpty()) {
            throw new CtlOutcome.Ended(
                    CtlOutcome.NOT_RUNNING,
                    "not running: PID file " + pidFile + " names process " + pid + ", which has ended");
        }
        boolean isHidden = startTime.get() == Processes.HIDDEN;
        if (named.isPresent() && !isHidden) {
            requireSameOwner("PID file", pidFile, processes, pid);
        }
        ServiceStatus status = readStatus(pidFile, processes, pid);
        if (status != null && status.pid() == pid && isAnother(status, startTime.get())) {
            throw new CtlOutcome.Ended(
                    CtlOutcome.NOT_RUNNING,
                    "not running: PID file " + pidFile + " is left over, process " + pid
                            + " is another one, which was started later");
        }
        return new RunningService(pidFile, processes, pid, startTime.get(), status, now);
    }

    /**
     * Somebody may have removed the PID file, and the service has not written it again yet: the status file
     * names it too.
     */
    private static long withoutPidFile(Path pidFile, Processes processes)
            throws CtlOutcome.Ended, InterruptedException {
        try {
            ServiceStatus status = StatusFile.read(StatusFile.of(pidFile));
            if (status != null) {
                Optional<Long> startTime = processes.startTime(status.pid());
                if (startTime.isPresent() && !isAnother(status, startTime.get())) {
                    return status.pid();
                }
            }
        } catch (IOException e) {
            // then it names nobody
        }
        throw new CtlOutcome.Ended(CtlOutcome.NOT_RUNNING, "not running: there is no PID file " + pidFile);
    }

    private static boolean isAnother(ServiceStatus status, long startTime) {
        return status.started() != 0 && startTime != Processes.HIDDEN && status.started() != startTime;
    }

    /** Empty if there is no PID file. */
    private static Optional<Long> readPid(Path pidFile) throws CtlOutcome.Ended {
        try {
            if (Files.exists(pidFile, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(pidFile, LinkOption.NOFOLLOW_LINKS)) {
                throw new CtlOutcome.Ended(CtlOutcome.FAILED, "PID file " + pidFile + " is not a file");
            }
            String content = Files.size(pidFile) > LONGEST_PID
                    ? ""
                    : Files.readString(pidFile).strip();
            if (content.matches("[1-9]\\d{0,9}")) {
                return Optional.of(Long.valueOf(content));
            }
            throw new CtlOutcome.Ended(CtlOutcome.FAILED, "PID file " + pidFile + " holds no process id");
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new CtlOutcome.Ended(CtlOutcome.FAILED, "PID file " + pidFile + " cannot be read: " + e);
        }
    }

    /** Whoever may write a file that is read here must not make root signal the processes of others. */
    private static void requireSameOwner(String what, Path file, Processes processes, long pid)
            throws CtlOutcome.Ended, InterruptedException {
        try {
            long writer = ((Integer) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS)).longValue();
            long user = processes.proc().user(pid);
            if (writer != 0 && writer != user) {
                throw new CtlOutcome.Ended(
                        CtlOutcome.FAILED,
                        what + " " + file + " belongs to user " + writer + ", but process " + pid + " to user " + user
                                + ": not the service");
            }
        } catch (IOException e) {
            if (processes.startTime(pid).isEmpty()) {
                throw new CtlOutcome.Ended(CtlOutcome.NOT_RUNNING, "not running: process " + pid + " has just ended");
            }
            throw new CtlOutcome.Ended(
                    CtlOutcome.FAILED,
                    "the owners of " + what + " " + file + " and process " + pid + " are not known: " + e);
        }
    }

    /**
     * @param pid whose user, or root, must have written it; a process that has ended or is hidden has none
     */
    private static @Nullable ServiceStatus readStatus(Path pidFile, Processes processes, long pid)
            throws CtlOutcome.Ended, InterruptedException {
        Path file = StatusFile.of(pidFile);
        try {
            ServiceStatus read = StatusFile.read(file);
            if (read != null
                    && read.pid() == pid
                    && processes.startTime(pid).orElse(Processes.HIDDEN) != Processes.HIDDEN) {
                requireSameOwner("status file", file, processes, pid);
            }
            return read;
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            throw new CtlOutcome.Ended(
                    CtlOutcome.FAILED,
                    "status file cannot be read (by the service's user, or root): " + e.getMessage());
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
    static RunningService await(Path pidFile, Processes processes) throws CtlOutcome.Ended, InterruptedException {
        RunningService found = find(pidFile, processes);
        long began = System.nanoTime();
        while (found.status().isEmpty() && System.nanoTime() - began < STATUS_WAIT.toNanos()) {
            TimeUnit.NANOSECONDS.sleep(LOOK.toNanos());
            found = find(pidFile, processes);
        }
        return found;
    }

    /** What the service says of itself; empty if it has not said anything. */
    Optional<ServiceStatus> status() {
        return Optional.ofNullable(status).filter(found -> found.pid() == pid);
    }

    /** What the status file says now, whichever process has written it. */
    Optional<ServiceStatus> newStatus() throws CtlOutcome.Ended, InterruptedException {
        return Optional.ofNullable(readStatus(pidFile, processes, pid));
    }

    /** When it was looked for. */
    Instant foundAt() {
        return foundAt;
    }

    Processes processes() {
        return processes;
    }

    /** Whether it was spawned by an upgrade of that process, by its environment. */
    boolean isChildOf(long parent) {
        try {
            return processes.proc().environment(pid).stream()
                    .anyMatch(each -> each.startsWith(ParentLink.LINK + "=2:" + parent + ":"));
        } catch (IOException e) {
            return false;
        }
    }

    boolean hasEnded() throws CtlOutcome.Ended, InterruptedException {
        return processes.startTime(pid).filter(started -> started == startTime).isEmpty();
    }

    /** {@code generation 3 (pid 1234)}, as far as it is known. */
    String name() {
        return status().map(RunningService::name).orElse("process " + pid);
    }

    static String name(ServiceStatus status) {
        return "generation " + status.generation() + " (pid " + status.pid() + ")";
    }

    Path statusFile() {
        return StatusFile.of(pidFile);
    }

    /** Somebody may have removed the PID file. */
    boolean isNamedByPidFile() {
        return Files.exists(pidFile);
    }

    /** How its parent, which it has replaced, drains; {@code null} if that is not known. */
    @Nullable
    Drain parentDrain(long parent) throws InterruptedException {
        try {
            ServiceStatus old = StatusFile.read(StatusFile.ofOld(pidFile));
            return old != null && old.pid() == parent && processes.isThere(parent) ? old.drain() : null;
        } catch (IOException e) {
            return null;
        }
    }
}
