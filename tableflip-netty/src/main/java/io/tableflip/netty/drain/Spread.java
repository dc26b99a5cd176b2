package io.tableflip.netty.drain;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Does something with each of many connections, not at once but over some time. There may be very many of
 * them: each event loop has one list and one timer. Thread-safe.
 */
final class Spread {
    private final long begun;
    private final Duration longest;
    private final Queue<Steps> stepss = new ConcurrentLinkedQueue<>();
    private volatile boolean ended;

    /** @param begun when the windows begin that {@link #deferring} looks at, as {@link System#nanoTime} */
    Spread(long begun, Duration timeout) {
        this.begun = begun;
        longest = timeout.dividedBy(2);
    }

    /** The window that counts, since asking and closing must not overlap. */
    Duration limited(Duration window) {
        return window.compareTo(longest) < 0 ? window : longest;
    }

    /**
     * Takes the connections that may wait, for what is left of their window since the beginning.
     *
     * @return the others: those that have no window, or no loop and so no handlers yet
     */
    List<AcceptedConnection> deferring(List<AcceptedConnection> connections, Consumer<AcceptedConnection> step) {
        List<AcceptedConnection> atOnce = new ArrayList<>();
        List<AcceptedConnection> later = new ArrayList<>();
        Duration left = Duration.ZERO;
        for (AcceptedConnection connection : connections) {
            if (!connection.window().isZero() && connection.channel().isRegistered()) {
                later.add(connection);
                left = limited(connection.window()).minusNanos(System.nanoTime() - begun);
            } else {
                atOnce.add(connection);
            }
        }
        over(later, left.isNegative() ? Duration.ZERO : left, step);
        return atOnce;
    }

    /**
     * Takes the step for each that is on a loop, on its loop, in random order over the time that begins now.
     */
    void over(List<AcceptedConnection> connections, Duration window, Consumer<AcceptedConnection> step) {
        List<AcceptedConnection> mixed = new ArrayList<>(connections);
        Collections.shuffle(mixed, ThreadLocalRandom.current());
        long now = System.nanoTime();
        long[] offsets = offsets(mixed.size(), window.toNanos(), ThreadLocalRandom.current()::nextDouble);
        Map<AcceptedConnection, Long> times = new HashMap<>();
        for (int i = 0; i < offsets.length; i++) {
            times.put(mixed.get(i), now + offsets[i]);
        }
        byLoop(mixed).forEach((loop, those) -> {
            Steps steps = new Steps(loop, those, times, step);
            stepss.add(steps);
            LoopTasks.execute(loop, steps::next, () -> those.forEach(AcceptedConnection::loopEnded));
        });
    }

    /**
     * When to do each of a number of things, in ascending order: each at a random time of its own equal part
     * of the window.
     *
     * @param random numbers from 0 to less than 1
     */
    static long[] offsets(int number, long window, DoubleSupplier random) {
        long[] offsets = new long[number];
        for (int i = 0; i < number; i++) {
            offsets[i] = (long) ((i + random.getAsDouble()) / number * window);
        }
        return offsets;
    }

    /** In their order; without those that are on no loop. */
    static Map<EventLoop, List<AcceptedConnection>> byLoop(Collection<AcceptedConnection> connections) {
        Map<EventLoop, List<AcceptedConnection>> byLoop = new HashMap<>();
        for (AcceptedConnection connection : connections) {
            if (connection.channel().isRegistered()) {
                byLoop.computeIfAbsent(connection.channel().eventLoop(), loop -> new ArrayList<>())
                        .add(connection);
            }
        }
        return byLoop;
    }

    /** Nothing more is done, and no timer stays. */
    void end() {
        ended = true;
        for (Steps steps = stepss.poll(); steps != null; steps = stepss.poll()) {
            LoopTasks.execute(steps.loop, steps::stop, () -> {});
        }
    }

    /** The steps on one loop. What has no other mark is confined to that loop. */
    private final class Steps {
        private final EventLoop loop;
        private final List<AcceptedConnection> connections;
        private final Map<AcceptedConnection, Long> times;
        private final Consumer<AcceptedConnection> step;
        private int done;
        private @Nullable Future<?> timer;

        Steps(
                EventLoop loop,
                List<AcceptedConnection> connections,
                Map<AcceptedConnection, Long> times,
                Consumer<AcceptedConnection> step) {
            this.loop = loop;
            this.connections = connections;
            this.times = times;
            this.step = step;
        }

        void next() {
            while (!ended && done < connections.size()) {
                AcceptedConnection connection = connections.get(done);
                long wait = times.getOrDefault(connection, 0L) - System.nanoTime();
                if (wait > 0) {
                    timer = loop.schedule(this::next, wait, NANOSECONDS);
                    return;
                }
                done++;
                step.accept(connection);
            }
        }

        void stop() {
            if (timer != null) {
                timer.cancel(false);
            }
        }
    }
}
