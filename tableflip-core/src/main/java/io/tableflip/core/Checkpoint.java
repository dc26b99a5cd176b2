package io.tableflip.core;

/**
 * Moments inside an upgrade at which tests stop a process, to see what becomes of the service if something happens just there. What calls
 * {@link Checkpoints#reached} waits as long as the test wants.
 */
enum Checkpoint {
    /** A signal has come, and what it asks for waits for the thread of the lifecycle. On the thread of the signal. */
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
