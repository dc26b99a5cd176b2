package io.tableflip.core;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.WARNING;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs calls of which nearly all return at once, and any may block: one after the other on one thread, while a second one watches it and goes on
 * with the rest when a call takes long. A thread for each call would be a thread for each of thousands of listeners, all at once, in the
 * middle of an upgrade. Threads end when there was nothing to do for a while. Thread-safe.
 */
final class CallThreads implements Executor {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** How long a call may take until it is taken for blocked. */
    private static final long LONG_MILLIS = 5;

    private static final long IDLE_MILLIS = TimeUnit.MINUTES.toMillis(1);

    private final ThreadFactory factory;

    // guarded by this
    private final Deque<Runnable> waiting = new ArrayDeque<>();
    /** The thread that takes the calls; those before it are in a call that takes long. */
    private @Nullable Thread current;
    /** Calls that have begun. */
    private long begun;
    /** Threads that have no call, and whether one of them watches already. */
    private int spare;

    private boolean watched;

    CallThreads(String name) {
        this(task -> new Thread(task, name));
    }

    CallThreads(ThreadFactory factory) {
        this.factory = factory;
    }

    /** @throws OutOfMemoryError if no thread can be started, and there is none that could take the call */
    @Override
    public synchronized void execute(Runnable call) {
        waiting.add(call);
        if (spare == 0) {
            startFor(call);
        } else if (current == null || !watched) { // one that watches sleeps, though there is nobody to watch any more
            notify();
        }
    }

    private void startFor(Runnable call) {
        try {
            start();
        } catch (OutOfMemoryError e) {
            if (current == null) {
                waiting.removeLastOccurrence(call);
                throw e;
            }
        }
    }

    private void start() {
        Thread thread = factory.newThread(this::run);
        thread.setDaemon(true);
        thread.start();
        spare++; // it will come for a call, when it gets the lock
    }

    private void run() {
        synchronized (this) {
            spare--;
        }
        for (Runnable call = next(); call != null; call = next()) {
            try {
                call.run();
            } catch (RuntimeException | Error e) {
                LOG.log(ERROR, "a bug in tableflip, please report it", e);
            }
        }
    }

    /** Waits until it is this thread's turn. {@code null} when there was nothing to do for long. */
    private synchronized @Nullable Runnable next() {
        if (current == Thread.currentThread()) {
            current = null;
        }
        while (true) {
            Runnable call = current == null ? waiting.poll() : null;
            if (call != null) {
                taken();
                return call;
            }
            boolean watches = current != null && !waiting.isEmpty() && !watched;
            long millis = watches ? LONG_MILLIS : IDLE_MILLIS;
            long since = System.nanoTime();
            long seen = begun;
            spare++;
            watched |= watches;
            try {
                wait(millis);
            } catch (InterruptedException e) {
                // a call has left it behind; nobody else has reason to
            }
            spare--;
            watched &= !watches;
            boolean over = System.nanoTime() - since >= TimeUnit.MILLISECONDS.toNanos(millis);
            if (over && watches && begun == seen) {
                current = null; // it goes on with its call, and is not waited for
            } else if (over && !watches && waiting.isEmpty()) {
                return null;
            }
        }
    }

    /** Without one the calls that wait hope that this one does not block. */
    private void startWatcher() {
        try {
            start();
        } catch (OutOfMemoryError e) {
            LOG.log(WARNING, "no thread can be started, a participant that blocks will hold up the others", e);
        }
    }

    private void taken() {
        current = Thread.currentThread();
        begun++;
        if (waiting.isEmpty() || watched) {
            return;
        }
        // somebody has to watch this one; whoever watched the one before may have become this one
        if (spare == 0) {
            startWatcher();
        } else {
            notify();
        }
    }
}
