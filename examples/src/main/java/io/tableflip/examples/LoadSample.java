package io.tableflip.examples;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The outcome of one request. Immutable. */
public final class LoadSample {
    private final long intended;
    private final long latency;
    private final boolean onNewConnection;
    private final @Nullable FailureKind failure;
    private final ServerId server;

    LoadSample(long intended, long latency, boolean onNewConnection, @Nullable FailureKind failure, ServerId server) {
        this.intended = intended;
        this.latency = latency;
        this.onNewConnection = onNewConnection;
        this.failure = failure;
        this.server = server;
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

    /** Whether it was one of those that get a connection of their own. */
    public boolean onNewConnection() {
        return onNewConnection;
    }

    /** Who answered; {@link ServerId#UNKNOWN} if nobody did, or if bodies are not looked at. */
    public ServerId server() {
        return server;
    }
}
