package io.tableflip.core;

import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A descriptor that the parent passed is not what its name says: not open, another kind of file, a socket
 * that does not listen.
 */
public final class WrongDescriptorException extends IOException {
    private static final long serialVersionUID = 1;

    private final transient @Nullable FdName name;
    private final int number;

    /**
     * @param fd names the descriptor
     * @param problem what is wrong with it, as the rest of a sentence that begins with its name
     */
    public WrongDescriptorException(Fd fd, String problem, @Nullable Throwable cause) {
        super(fd + " " + problem, cause);
        name = fd.name();
        number = fd.number();
    }

    /** @param name {@code null} for one of a kind that this library does not know */
    public WrongDescriptorException(@Nullable FdName name, int number, String problem) {
        super((name == null ? "a descriptor of unknown kind" : name) + " (fd " + number + ") " + problem);
        this.name = name;
        this.number = number;
    }

    /** The name under which it was passed; empty if that is of a kind that this library does not know. */
    public Optional<FdName> name() {
        return Optional.ofNullable(name);
    }

    /** Its number in this process. */
    public int number() {
        return number;
    }
}
