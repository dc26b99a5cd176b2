package io.tableflip.core;

/**
 * Upgrades are not possible here; the message says what is missing. {@link Upgrader.Builder#buildOrStub()}
 * gives an upgrader with which the same program runs all the same.
 */
public final class UnsupportedPlatformException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UnsupportedPlatformException(String message) {
        super(message);
    }
}
