package io.tableflip.core;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * An open descriptor and its one owner. Thread-safe.
 *
 * <p>Owned until {@link #close()}, which closes it, or {@link #release()}, which leaves it to somebody else: each
 * happens at most once. Nothing is closed by garbage collection.
 */
public final class Fd implements FdSource, AutoCloseable {
    private static final int GONE = -1;

    private final FdName name;
    private final Supplier<Os> os;
    private final int original;
    // guarded by this
    private int number;
    /** How often it is being opened once more: it must stay what it is meanwhile. */
    private int openings;

    Fd(FdName name, int number, Supplier<Os> os) {
        this.name = requireNonNull(name);
        this.original = number;
        this.number = number;
        this.os = os;
    }

    /** The name under which it was inherited, or is to be passed on. */
    public FdName name() {
        return name;
    }

    /**
     * Its number.
     *
     * @throws IllegalStateException if it was closed or released
     */
    public synchronized int number() {
        if (number == GONE) {
            throw new IllegalStateException(this + " is not owned here any more");
        }
        return number;
    }

    /** Whether it is still owned here. */
    public synchronized boolean isOpen() {
        return number != GONE;
    }

    /**
     * Gives up the ownership without closing: the caller owns the number from now on.
     *
     * @throws IllegalStateException if it was closed or released before
     */
    public synchronized int release() {
        awaitOpenings();
        int released = number();
        number = GONE;
        return released;
    }

    /** Duplicates the number under the lock that keeps it from being closed. */
    @Override
    public CompletionStage<?> lend(IntConsumer use) {
        synchronized (this) {
            if (number != GONE) {
                use.accept(number);
            }
        }
        return CompletableFuture.completedFuture(null);
    }

    /**
     * Opens the file behind this descriptor once more: with a position and flags of its own, while locks stay with this
     * one. Works for files and pipes, not for sockets. For a FIFO this may wait for somebody who has its other end; upgrades are not held up by
     * that, while {@link #close()} and {@link #release()} wait for it.
     *
     * @throws IllegalStateException if it was closed or released
     * @throws IOException if it is a socket or the options do not fit the file
     */
    public FileChannel openChannel(OpenOption... options) throws IOException {
        Path path;
        synchronized (this) {
            path = Path.of("/proc/self/fd/" + number());
            openings++;
        }
        try {
            return FileChannel.open(path, options);
        } finally {
            synchronized (this) {
                openings--;
                notifyAll();
            }
        }
    }

    private synchronized void awaitOpenings() {
        boolean interrupted = false;
        while (openings > 0) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Sets O_NONBLOCK, which everyone who shares the open file sees. Needed only for a descriptor whose creator left it
     * blocking, as Go's tableflip does with all that it passes on.
     *
     * @throws SystemCallException if the system refuses
     */
    public synchronized void setNonBlocking() throws SystemCallException {
        os.get().setNonBlocking(number());
    }

    /**
     * Closes the descriptor. Does nothing if it was closed or released.
     *
     * @throws SystemCallException if the system reports an error; the descriptor is closed all the same
     */
    @Override
    public synchronized void close() throws SystemCallException {
        awaitOpenings();
        int open = number;
        number = GONE;
        if (open != GONE) {
            os.get().close(open);
        }
    }

    /** The name and the number: {@code listener:tcp:127.0.0.1:8080 (fd 5)}. */
    @Override
    public String toString() {
        return name + " (fd " + original + ")";
    }
}
