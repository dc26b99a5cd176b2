package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.Os;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The native code, loaded when it is first used, and never while the JVM ends: the loader unpacks a file, and
 * leaves it behind when the JVM ends meanwhile. Thread-safe.
 */
final class NativeCode {
    private static final System.Logger LOG = Log.get();

    /** How long the end of the JVM waits for native code that is being loaded. */
    private static final Duration LOADING_LIMIT = Duration.ofSeconds(5);

    private final Supplier<Os> os;
    private final ReentrantLock lock = new ReentrantLock();
    private boolean ended; // guarded by lock

    NativeCode(Supplier<Os> os) {
        this.os = os;
    }

    /** Loads it if necessary. */
    Os get() {
        return os.get();
    }

    /** For those who load it when they need it. */
    Supplier<Os> supplier() {
        return os;
    }

    /** Loads it if necessary; empty if the JVM is about to end. */
    Optional<Os> load() {
        lock.lock();
        try {
            return ended ? Optional.empty() : Optional.of(os.get());
        } finally {
            lock.unlock();
        }
    }

    /** Does something that needs native code before the JVM can end, unless it is about to end already. */
    void use(Consumer<Os> use) {
        lock.lock();
        try {
            load().ifPresent(use);
        } finally {
            lock.unlock();
        }
    }

    /** Sends a datagram to a Unix socket, unless the JVM is about to end. */
    void sendDatagram(byte[] address, byte[] message) throws SystemCallException {
        lock.lock();
        try {
            if (!ended) {
                os.get().sendDatagram(address, message);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a use that has begun, and prevents any other. */
    void end() {
        try {
            if (!lock.tryLock(LOADING_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.log(DEBUG, "native code is still being loaded, the end of the JVM does not wait any longer");
                return;
            }
            ended = true;
            lock.unlock();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
