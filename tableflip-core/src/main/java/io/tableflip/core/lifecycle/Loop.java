package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.ERROR;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.tableflip.core.log.Log;
import java.time.Duration;
import java.util.PriorityQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/**
 * The one thread that owns the lifecycle, and its timers. Tasks that wait come before timers that have
 * expired: an event that happened in time must not lose against a timeout because this thread was late.
 */
final class Loop implements Executor {
    private static final System.Logger LOG = Log.get();
    /** The clock of the system. */
    static final LongSupplier SYSTEM_CLOCK = System::nanoTime;

    /** How often another clock than the system's is read. */
    private static final long CLOCK_CHECK_NANOS = MILLISECONDS.toNanos(5);

    private final BlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>(); // this thread only
    private final LongSupplier clock;
    private final long longestWait;
    /** Whether there is a thread; it is always there until this is retired. */
    private final AtomicBoolean running = new AtomicBoolean();

    private boolean retired; // this thread only

    /** @param clock nanoseconds that only grow */
    Loop(LongSupplier clock) {
        this.clock = clock;
        this.longestWait = clock == SYSTEM_CLOCK ? Long.MAX_VALUE : CLOCK_CHECK_NANOS;
        startIfNecessary();
    }

    private void startIfNecessary() {
        if (running.compareAndSet(false, true)) {
            Thread thread = new Thread(this::run, "tableflip");
            thread.setDaemon(true);
            thread.start();
        }
    }

    @Override
    public void execute(Runnable task) {
        tasks.add(task);
        if (!running.get()) {
            startIfNecessary();
        }
    }

    /**
     * Nothing is left to do: forgets all timers. The thread ends, and comes back if there is a task after
     * all. Only on this thread.
     */
    void retire() {
        retired = true;
        timers.clear();
    }

    /** Runs a task on this thread after that time. Only on this thread. */
    Timer schedule(Duration delay, Runnable task) {
        Timer timer = new Timer(clock.getAsLong(), delay, task);
        timers.add(timer);
        return timer;
    }

    /** A task that waits for its time. */
    static final class Timer implements Comparable<Timer> {
        /** A hundred years and more; leaves room for the differences in {@link #left}. */
        private static final long LONGEST_DELAY = Long.MAX_VALUE / 2;

        private final long start;
        private final long delay;
        private final Runnable task;
        private boolean cancelled;

        private Timer(long start, Duration delay, Runnable task) {
            this.start = start;
            this.delay = Math.min(NANOSECONDS.convert(delay), LONGEST_DELAY);
            this.task = task;
        }

        void cancel() {
            cancelled = true;
        }

        /** Differences only: the clock may overflow. */
        private long left(long now) {
            return delay - (now - start);
        }

        @Override
        public int compareTo(Timer other) {
            return Long.compare(left(start), other.left(start));
        }
    }

    private void run() {
        while (!mayEnd()) {
            try {
                next().run();
            } catch (InterruptedException e) {
                // nobody has reason to interrupt this thread; it must go on
            } catch (RuntimeException | Error e) {
                LOG.log(ERROR, "a bug in tableflip, please report it", e);
            }
        }
    }

    private boolean mayEnd() {
        if (!retired || !tasks.isEmpty() || !timers.isEmpty()) {
            return false;
        }
        running.set(false);
        // whoever has added a task just now has seen that there is a thread
        return tasks.isEmpty() || !running.compareAndSet(false, true);
    }

    private Runnable next() throws InterruptedException {
        while (true) {
            Runnable task = tasks.poll();
            if (task != null) {
                return task;
            }
            Timer first = timers.peek();
            long left = first == null ? Long.MAX_VALUE : first.left(clock.getAsLong());
            if (first != null && (first.cancelled || left <= 0)) {
                timers.remove();
                if (!first.cancelled) {
                    return first.task;
                }
                continue;
            }
            task = tasks.poll(Math.min(left, longestWait), NANOSECONDS);
            if (task != null) {
                return task;
            }
        }
    }
}
