package io.tableflip.examples;

/** The config file cannot be used; the message names file and line. */
final class InvalidConfigException extends Exception {
    private static final long serialVersionUID = 1L;

    InvalidConfigException(String message) {
        super(message);
    }
}
