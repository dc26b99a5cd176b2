package io.tableflip.benchmarks;

import io.tableflip.examples.FailureKind;
import org.jspecify.annotations.Nullable;

/**
 * What became of one request.
 *
 * @param intendedNanos when it was to be sent, on the scale of {@link System#nanoTime}
 * @param latencyNanos from that time to the outcome
 * @param failure how it failed, {@code null} if it was answered
 * @param pid the process that answered; 0 if it was none
 */
record Outcome(
        long intendedNanos, long latencyNanos, @Nullable FailureKind failure, long pid) {
    boolean isAnswered() {
        return failure == null;
    }
}
