package io.tableflip.examples;

/** The bytes from the server are not the response they should be. */
final class BadResponseException extends Exception {
    private static final long serialVersionUID = 1L;

    BadResponseException(String message) {
        super(message);
    }
}
