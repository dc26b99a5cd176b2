package io.tableflip.netty;

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
 * Does something with each of many connections, not at once but over some time. There may be very many of them: each event loop has
 * one list and one timer. Thread-safe.
 */
final class Spread {
    private final long begun;
    private final Duration longest;
    private final Queue<Pace> paces = new ConcurrentLinkedQueue<>();
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
    List<Child> deferring(List<Child> children, Consumer<Child> step) {
        List<Child> atOnce = new ArrayList<>();
        List<Child> later = new ArrayList<>();
        Duration left = Duration.ZERO;
        for (Child child : children) {
            if (!child.window().isZero() && child.channel().isRegistered()) {
                later.add(child);
                left = limited(child.window()).minusNanos(System.nanoTime() - begun);
            } else {
                atOnce.add(child);
            }
        }
        over(later, left.isNegative() ? Duration.ZERO : left, step);
        return atOnce;
    }

    /** Takes the step for each that is on a loop, on its loop, in random order over the time that begins now. */
    void over(List<Child> children, Duration window, Consumer<Child> step) {
        List<Child> mixed = new ArrayList<>(children);
        Collections.shuffle(mixed, ThreadLocalRandom.current());
        long now = System.nanoTime();
        long[] offsets = offsets(mixed.size(), window.toNanos(), ThreadLocalRandom.current()::nextDouble);
        Map<Child, Long> times = new HashMap<>();
        for (int i = 0; i < offsets.length; i++) {
            times.put(mixed.get(i), now + offsets[i]);
        }
        byLoop(mixed).forEach((loop, those) -> {
            Pace pace = new Pace(loop, those, times, step);
            paces.add(pace);
            Tasks.execute(loop, pace::next, () -> those.forEach(Child::loopEnded));
        });
    }

    /**
     * When to do each of a number of things, in ascending order: each at a random time of its own equal part of the window.
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
    static Map<EventLoop, List<Child>> byLoop(Collection<Child> children) {
        Map<EventLoop, List<Child>> byLoop = new HashMap<>();
        for (Child child : children) {
            if (child.channel().isRegistered()) {
                byLoop.computeIfAbsent(child.channel().eventLoop(), loop -> new ArrayList<>())
                        .add(child);
            }
        }
        return byLoop;
    }

    /** Nothing more is done, and no timer stays. */
    void end() {
        ended = true;
        for (Pace pace = paces.poll(); pace != null; pace = paces.poll()) {
            Tasks.execute(pace.loop, pace::stop, () -> {});
        }
    }

    /** The steps on one loop. What has no other mark is confined to that loop. */
    private final class Pace {
        private final EventLoop loop;
        private final List<Child> children;
        private final Map<Child, Long> times;
        private final Consumer<Child> step;
        private int done;
        private @Nullable Future<?> timer;

        Pace(EventLoop loop, List<Child> children, Map<Child, Long> times, Consumer<Child> step) {
            this.loop = loop;
            this.children = children;
            this.times = times;
            this.step = step;
        }

        void next() {
            while (!ended && done < children.size()) {
                Child child = children.get(done);
                long wait = times.getOrDefault(child, 0L) - System.nanoTime();
                if (wait > 0) {
                    timer = loop.schedule(this::next, wait, NANOSECONDS);
                    return;
                }
                done++;
                step.accept(child);
            }
        }

        void stop() {
            if (timer != null) {
                timer.cancel(false);
            }
        }
    }
}
