package io.tableflip.core;

import java.io.IOException;

/** A system call failed. */
public final class SystemCallException extends IOException {
    private static final long serialVersionUID = 1;

    private final String call;
    private final int errno;
    private final String object;

    /**
     * Describes the failure of a call.
     *
     * @param errno the error number; 0 if it is not known
     * @param error the error in words
     * @param object the descriptor or path that the call was about; may be empty
     */
    public SystemCallException(String call, int errno, String error, String object) {
        super(call + (object.isEmpty() ? "" : " " + object) + ": " + error + " (errno " + errno + ")");
        this.call = call;
        this.errno = errno;
        this.object = object;
    }

    /** The name of the call, {@code posix_spawn} for example. */
    public String call() {
        return call;
    }

    /**
     * The error number; 0 if the system reported the error only in words, in a language that this library
     * does not know.
     */
    public int errno() {
        return errno;
    }

    /** The descriptor or path that the call was about. */
    public String object() {
        return object;
    }
}
