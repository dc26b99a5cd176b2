package io.tableflip.core;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;

/**
 * An open descriptor and its one owner. Thread-safe.
 *
 * <p>The owner has it until {@link #close()}, which closes the descriptor, or until {@link #release()}, which
 * gives the number to the caller. Each happens at most once. Nothing is closed by garbage collection.
 */
public interface Fd extends FdSource, AutoCloseable {
    /** The name under which it was inherited, or is passed on. */
    FdName name();

    /**
     * Its number.
     *
     * @throws IllegalStateException if it was closed or released
     */
    int number();

    /** Whether it was neither closed nor released. */
    @Override
    boolean isOpen();

    /**
     * Gives up the ownership without closing: the caller owns the number from now on.
     *
     * @throws IllegalStateException if it was closed or released before
     */
    int release();

    /**
     * Opens the file behind this descriptor again. The channel has a position and flags of its own; locks
     * stay with this descriptor. This process needs permission on the file now, even if the descriptor was
     * passed to it by a process that had more. Works for files and pipes, not for sockets. For a FIFO this
     * can block until another process opens the other end. Upgrades are possible meanwhile, but
     * {@link #close()} and {@link #release()} wait.
     *
     * @throws IllegalStateException if it was closed or released
     * @throws IOException if it is a socket, if the options do not fit the file, or if this process may not
     *     open it ({@link java.nio.file.AccessDeniedException})
     */
    FileChannel openChannel(OpenOption... options) throws IOException;

    /**
     * Sets O_NONBLOCK, for everyone who shares the open file. Needed only for a descriptor that its creator
     * left blocking, as Go's tableflip does with all that it passes on.
     *
     * @throws SystemCallException if the system call fails
     */
    void setNonBlocking() throws SystemCallException;

    /**
     * Closes the descriptor. Does nothing if it was closed or released.
     *
     * @throws SystemCallException if the system call reports an error; the descriptor is closed nevertheless
     */
    @Override
    void close() throws SystemCallException;
}
