package io.tableflip.core.os;

import io.tableflip.core.SystemCallException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import jnr.constants.platform.Errno;

/**
 * Translates error numbers into exceptions, and the exceptions of {@code java.nio.file} back into error
 * numbers.
 */
final class Errors {
    private Errors() {}

    /** The failure of a call, by its number. */
    static SystemCallException failure(String call, int errno, String object) {
        return new SystemCallException(call, errno, Errno.valueOf(errno).description(), object);
    }

    /** The failure of a call. */
    static SystemCallException failure(String call, Errno errno, String object) {
        return failure(call, errno.intValue(), object);
    }

    /** The failure of a call that the JDK has reported by the class of the exception, or in words. */
    static SystemCallException failure(String call, IOException cause, Object object) {
        String words = words(cause);
        SystemCallException failure = errno(cause, words)
                .map(errno -> failure(call, errno, object.toString()))
                .orElseGet(() -> new SystemCallException(call, 0, words, object.toString()));
        failure.initCause(cause);
        return failure;
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
}
