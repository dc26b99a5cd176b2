package io.tableflip.core.lifecycle;

/**
 * Moments inside an upgrade at which tests stop a process, to see what becomes of the service if something
 * happens at that point. The process continues when the test returns.
 */
public enum Checkpoint {
    /**
     * A signal has come, and what it asks for waits for the thread of the lifecycle. On the thread of the
     * signal.
     */
    SIGNAL_RECEIVED,
    /** Parent: TAKEOVER was read, nothing was done about it. On the thread of the lifecycle. */
    TAKEOVER_RECEIVED,
    /** Child: DRAINED was read, nothing was done about it. On the thread that reads. */
    DRAINED_RECEIVED,
    /** Child: about to rename the PID file into place. On the thread of the lifecycle. */
    PID_FILE,
    /** Child: the PID file names it, READY is about to be written. On the thread of the lifecycle. */
    READY,
    /** Parent: READY was read, nothing was done about it. On the thread of the lifecycle. */
    READY_RECEIVED
}
