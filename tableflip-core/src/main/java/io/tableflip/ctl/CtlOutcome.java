package io.tableflip.ctl;

import java.time.Duration;

/**
 * How a command has ended.
 *
 * @param status for the shell
 * @param message for people
 */
record CtlOutcome(int status, String message) {
    /** The service was upgraded, or is there. */
    static final int DONE = 0;
    /** The upgrade was refused or failed; the service serves on, unless the message says otherwise. */
    static final int FAILED = 1;
    /** The arguments make no sense. */
    static final int USAGE = 2;
    /** No such service runs. */
    static final int NOT_RUNNING = 3;
    /** The time to wait is over, and the upgrade has not ended. */
    static final int TIMED_OUT = 4;

    /** For people: {@code 1234 ms}. */
    static String millis(Duration duration) {
        return duration.toMillis() + " ms";
    }

    /** The end of a command that cannot go on. */
    static final class Ended extends Exception {
        private static final long serialVersionUID = 1;

        private final int status;

        Ended(int status, String message) {
            super(message);
            this.status = status;
        }

        CtlOutcome outcome() {
            return new CtlOutcome(status, String.valueOf(getMessage()));
        }
    }
}
