package io.tableflip.core;

/**
 * Upgrades are not possible here; the message says what is missing. {@link Upgrader.Builder#buildOrStub()}
 * builds a stub, with which the same program runs without upgrades.
 */
public final class UnsupportedPlatformException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UnsupportedPlatformException(String message) {
        super(message);
    }
}
