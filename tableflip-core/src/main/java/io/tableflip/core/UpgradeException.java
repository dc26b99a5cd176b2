package io.tableflip.core;

import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Why an upgrade was refused or has failed. Unless the process was stopped meanwhile, it serves on as if
 * nothing had happened.
 */
public final class UpgradeException extends Exception {
    private static final long serialVersionUID = 1;

    /** The reason, for programs. */
    public enum Reason {
        /** Refused: {@link Upgrader#ready()} has not completed. */
        NOT_READY,
        /** Refused: another upgrade is under way. */
        IN_PROGRESS,
        /** Refused: the process that spawned this one has not gone yet. */
        PARENT_RUNNING,
        /** Refused: a child has taken over already. */
        ALREADY_UPGRADED,
        /** Refused or given up: this process was told to stop. */
        STOPPING,
        /**
         * Refused: this platform cannot do it, or there is nowhere to write what it takes: the PID file, or
         * native code.
         */
        NOT_SUPPORTED,
        /**
         * Refused: somebody waits for exactly this process, and the service would end with it; the message
         * names the remedy. See {@link Upgrader.Builder#supervisorCheck}.
         */
        SUPERVISED,
        /**
         * The child was not started, since there may not be enough memory, threads or descriptors for two
         * processes; the message has the figures. Only with {@link ResourceCheck#REFUSE}.
         */
        NOT_ENOUGH_RESOURCES,
        /**
         * The child could not be started, for example because the executable or the directory is gone. If a
         * system call has failed, the cause is the {@link SystemCallException}.
         */
        SPAWN_FAILED,
        /** The child said why it cannot take over; the message repeats its words. */
        CHILD_FAILED,
        /**
         * The child ended before it was ready. If it did not get as far as its main, the message quotes what
         * its JVM prints about that.
         */
        CHILD_EXITED,
        /** The child was not ready in time, and was killed. */
        TIMED_OUT,
        /**
         * A system call on the pipes to the child has failed: the cause is the {@link SystemCallException}.
         */
        LINK_FAILED,
        /** Another process than the one that was spawned wanted to take over. */
        WRONG_PROCESS,
        /** The parent has given up this child (seen in the child, from {@link Upgrader#ready()}). */
        GIVEN_UP
    }

    private final Reason reason;
    private final long pid;
    private final int status;

    public UpgradeException(Reason reason, String message) {
        this(reason, message, null);
    }

    public UpgradeException(Reason reason, String message, @Nullable Throwable cause) {
        this(reason, message, cause, -1, -1);
    }

    public UpgradeException(Reason reason, String message, @Nullable Throwable cause, long pid, int status) {
        super(message, cause);
        this.reason = reason;
        this.pid = pid;
        this.status = status;
    }

    /** The reason, for programs. */
    public Reason reason() {
        return reason;
    }

    /** The process id of the child, if there was one. */
    public OptionalLong pid() {
        return pid < 0 ? OptionalLong.empty() : OptionalLong.of(pid);
    }

    /**
     * How the child ended, as a shell would say it: its exit status, or 128 + the number of the signal that
     * killed it.
     */
    public OptionalInt exitStatus() {
        return status < 0 ? OptionalInt.empty() : OptionalInt.of(status);
    }
}
