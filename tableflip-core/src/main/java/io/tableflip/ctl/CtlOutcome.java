package io.tableflip.ctl;

/**
 * How a command has ended.
 *
 * @param status for the shell
 * @param message for people
 */
record CtlOutcome(int status, String message) {
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
