package io.tableflip.core;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import jnr.constants.platform.Errno;

/** A system call failed. */
public final class SystemCallException extends IOException {
    private static final long serialVersionUID = 1;

    private final String call;
    private final int errno;
    private final String object;

    SystemCallException(String call, int errno, String error, String object) {
        super(call + (object.isEmpty() ? "" : " " + object) + ": " + error + " (errno " + errno + ")");
        this.call = call;
        this.errno = errno;
        this.object = object;
    }

    SystemCallException(String call, Errno errno, String object) {
        this(call, errno.intValue(), errno.description(), object);
    }

    /** Gives a failure of java.nio, which tells the error in words or by its class, its number back. */
    static SystemCallException of(String call, IOException failure, Object object) {
        String words = words(failure);
        SystemCallException typed = errno(failure, words)
                .map(errno -> new SystemCallException(call, errno, object.toString()))
                .orElseGet(() -> new SystemCallException(call, 0, words, object.toString()));
        typed.initCause(failure);
        return typed;
    }

    private static String words(IOException failure) {
        String words = failure instanceof FileSystemException file ? file.getReason() : failure.getMessage();
        return words == null ? failure.toString() : words;
    }

    private static Optional<Errno> errno(IOException failure, String words) {
        if (failure instanceof AccessDeniedException) {
            return Optional.of(Errno.EACCES);
        } else if (failure instanceof NoSuchFileException) {
            return Optional.of(Errno.ENOENT);
        } else if (failure instanceof FileAlreadyExistsException) {
            return Optional.of(Errno.EEXIST);
        } else if (failure instanceof DirectoryNotEmptyException) {
            return Optional.of(Errno.ENOTEMPTY);
        }
        for (Errno errno : Errno.values()) {
            // the JDK goes on after ELOOP: "or unable to access attributes of symbolic link"
            if (errno.defined()
                    && (words.equals(errno.description()) || words.startsWith(errno.description() + " or "))) {
                return Optional.of(errno);
            }
        }
        return Optional.empty();
    }

    /** The name of the call, {@code posix_spawn} for example. */
    public String call() {
        return call;
    }

    /** The error number; 0 if the system told the error only in words, and in a language that this library does not know. */
    public int errno() {
        return errno;
    }

    /** The descriptor or path that the call was about. */
    public String object() {
        return object;
    }
}
