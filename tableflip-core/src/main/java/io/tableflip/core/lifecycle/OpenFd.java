package io.tableflip.core.lifecycle;

import static java.util.Objects.requireNonNull;

import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.Os;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/** A descriptor of this process, closed at most once. Thread-safe. */
final class OpenFd implements Fd {
    private static final int GONE = -1;

    private final FdName name;
    private final Supplier<Os> os;
    private final int original;
    // guarded by this
    private int number;
    /** How many calls open it again now: it must stay what it is meanwhile. */
    private int openings;

    OpenFd(FdName name, int number, Supplier<Os> os) {
        this.name = requireNonNull(name);
        this.original = number;
        this.number = number;
        this.os = os;
    }

    @Override
    public FdName name() {
        return name;
    }

    @Override
    public synchronized int number() {
        if (number == GONE) {
            throw new IllegalStateException(this + " is not owned here any more");
        }
        return number;
    }

    @Override
    public synchronized boolean isOpen() {
        return number != GONE;
    }

    @Override
    public synchronized int release() {
        awaitOpenings();
        int released = number();
        number = GONE;
        return released;
    }

    /** Lends the number under the lock that keeps it from being closed. */
    @Override
    public CompletionStage<?> lend(IntConsumer use) {
        synchronized (this) {
            if (number != GONE) {
                use.accept(number);
            }
        }
        return CompletableFuture.completedFuture(null);
    }

    @Override
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

    @Override
    public synchronized void setNonBlocking() throws SystemCallException {
        os.get().setNonBlocking(number());
    }

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
