package io.tableflip.examples;

import java.time.Duration;

/**
 * One upgrade of the demo, as it went.
 *
 * @param title what was special about it
 * @param start when the signal was sent, on the scale of {@link System#nanoTime}
 * @param decided when the outcome was known: the new process was the service, or the old one served on
 * @param end when the next upgrade was possible
 * @param outcome in words
 */
record DemoUpgrade(String title, long start, long decided, long end, String outcome) {
    Duration untilDecided() {
        return Duration.ofNanos(decided - start);
    }

    Duration untilEnd() {
        return Duration.ofNanos(end - start);
    }

    boolean contains(LoadSample sample) {
        return sample.intendedNanos() - start >= 0 && sample.intendedNanos() - end <= 0;
    }
}
