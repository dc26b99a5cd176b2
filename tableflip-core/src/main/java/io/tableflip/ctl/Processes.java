package io.tableflip.ctl;

import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/**
 * Other processes, as this one may see them. {@code /proc} can hide those that it may signal nevertheless: by
 * {@code hidepid}, which is what ProtectProc= of systemd sets. There signal 0 decides whether one has ended.
 * Not thread-safe.
 */
final class Processes {
    /** The start time of a process that is hidden. */
    static final long HIDDEN = 0;

    /** To send a signal takes a process. */
    private static final Duration ASK_AGAIN = Duration.ofMillis(500);

    private final ProcFs proc;
    private long asked;
    private long askedAt;
    private Kill.Presence answer = Kill.Presence.UNKNOWN;

    Processes(ProcFs proc) {
        this.proc = proc;
    }

    ProcFs proc() {
        return proc;
    }

    /**
     * When a process was started, as {@link ProcFs#startTime}; {@link #HIDDEN} if it is there and cannot be
     * seen, empty if it has ended.
     *
     * @throws CtlOutcome.Ended if neither can be known
     */
    Optional<Long> startTime(long pid) throws CtlOutcome.Ended, InterruptedException {
        try {
            Optional<Long> seen = proc.startTime(pid);
            return seen.isPresent() || !proc.hidesProcesses() ? seen : hidden(pid);
        } catch (IOException e) {
            if (proc.hidesProcesses()) {
                return hidden(pid);
            }
            throw new CtlOutcome.Ended(CtlOutcome.FAILED, "process " + pid + " cannot be looked at: " + e);
        }
    }

    /** Whether it is there; if that cannot be known, it may be. */
    boolean isThere(long pid) throws InterruptedException {
        try {
            return startTime(pid).isPresent();
        } catch (CtlOutcome.Ended e) {
            return true;
        }
    }

    private Optional<Long> hidden(long pid) throws InterruptedException {
        long now = System.nanoTime();
        if (asked != pid || now - askedAt > ASK_AGAIN.toNanos()) {
            answer = Kill.presence(pid);
            asked = pid;
            askedAt = now;
        }
        return answer == Kill.Presence.GONE ? Optional.empty() : Optional.of(HIDDEN);
    }
}
