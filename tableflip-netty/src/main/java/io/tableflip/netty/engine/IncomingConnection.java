package io.tableflip.netty.engine;

import static java.util.Objects.requireNonNull;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What came with a connection from the parent: set on its channel before its handlers are added. The handler
 * that knows the boundaries of its protocol takes it.
 */
public final class IncomingConnection {
    private static final AttributeKey<IncomingConnection> KEY =
            AttributeKey.valueOf(IncomingConnection.class, "incoming");

    private final byte[] record;
    private final CompletableFuture<Void> reading = new CompletableFuture<>();
    private boolean taken; // on the loop

    public IncomingConnection(byte[] record) {
        this.record = requireNonNull(record);
    }

    /** Before the channel has its handlers. */
    public void attach(Channel channel) {
        channel.attr(KEY).set(this);
    }

    /** That of this channel, taken or not; {@code null} if the connection was accepted here. Thread-safe. */
    public static @Nullable IncomingConnection of(Channel channel) {
        return channel.attr(KEY).get();
    }

    /**
     * Takes it for the handler that asks first; {@code null} if the connection was accepted here. On the
     * loop.
     */
    public static @Nullable IncomingConnection take(Channel channel) {
        IncomingConnection incoming = channel.attr(KEY).get();
        if (incoming == null || incoming.taken) {
            return null;
        }
        incoming.taken = true;
        return incoming;
    }

    /** Whether a handler has taken it. On the loop. */
    public boolean isTaken() {
        return taken;
    }

    /** What {@link Transferable#record} has returned in the other process. */
    public byte[] record() {
        return record;
    }

    /** All of it is in the pipeline, and the connection is read from its socket again. */
    public void arrived() {
        reading.complete(null);
    }

    /**
     * Completes when the connection is read again, or its owner has closed it and called {@link #arrived}.
     */
    public CompletableFuture<Void> reading() {
        return reading;
    }
}
