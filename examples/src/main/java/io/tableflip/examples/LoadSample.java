package io.tableflip.examples;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The outcome of one request. Immutable. */
public final class LoadSample {
    private final long intended;
    private final long latency;
    private final @Nullable FailureKind failure;

    LoadSample(long intended, long latency, @Nullable FailureKind failure) {
        this.intended = intended;
        this.latency = latency;
        this.failure = failure;
    }

    /** When the request was to be sent, in nanoseconds on the scale of {@link System#nanoTime}. */
    public long intendedNanos() {
        return intended;
    }

    /**
     * Nanoseconds from that time to the outcome, without the delay that the request itself asked for.
     */
    public long latencyNanos() {
        return latency;
    }

    /** How it failed, or nothing if it was answered. */
    public Optional<FailureKind> failure() {
        return Optional.ofNullable(failure);
    }
}
