package io.tableflip.core.lifecycle;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * A clock that stands until a test moves it. A loop looks at such a clock every few milliseconds. It does so
 * no longer once the clock is closed: the loops of many tests would take a whole processor.
 */
final class TestClock extends AtomicLong implements LongSupplier, AutoCloseable {
    private volatile boolean closed;

    TestClock() {
        this(0);
    }

    TestClock(long nanos) {
        super(nanos);
    }

    @Override
    public long getAsLong() {
        while (closed) {
            LockSupport.park(this);
        }
        return get();
    }

    /** Holds up whoever looks at it from now on, for ever. */
    @Override
    public void close() {
        closed = true;
    }
}
