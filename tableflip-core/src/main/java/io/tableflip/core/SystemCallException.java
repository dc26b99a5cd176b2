package io.tableflip.core;

import java.io.IOException;

/** A system call failed. */
public final class SystemCallException extends IOException {
    private static final long serialVersionUID = 1;

    private final String call;
    private final int errno;
    private final String object;

    SystemCallException(String call, int errno, String error, String object) {
        super(call + " " + object + ": " + error + " (errno " + errno + ")");
        this.call = call;
        this.errno = errno;
        this.object = object;
    }

    /** The name of the call, {@code posix_spawn} for example. */
    public String call() {
        return call;
    }

    /** The error number. */
    public int errno() {
        return errno;
    }

    /** The descriptor or path that the call was about. */
    public String object() {
        return object;
    }
}
