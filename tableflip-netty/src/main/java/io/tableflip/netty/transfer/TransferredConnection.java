package io.tableflip.netty.transfer;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import io.tableflip.netty.engine.IncomingConnection;
import java.util.Map;
import java.util.Optional;

/**
 * A connection that was accepted in an earlier generation and goes on in this one. Known from the beginning:
 * in {@code initChannel}, in {@code channelActive}, and in WebSocket's {@code HandshakeComplete}. Immutable.
 */
public final class TransferredConnection {
    private static final AttributeKey<TransferredConnection> KEY =
            AttributeKey.valueOf(TransferredConnection.class, "transferred");

    private final Map<String, byte[]> states;

    TransferredConnection(Map<String, byte[]> states) {
        this.states = Map.copyOf(states);
    }

    void attach(Channel channel) {
        channel.attr(KEY).set(this);
    }

    /** Empty for a connection that was accepted in this process. Thread-safe. */
    public static Optional<TransferredConnection> of(Channel channel) {
        TransferredConnection known = channel.attr(KEY).get();
        IncomingConnection incoming = IncomingConnection.of(channel);
        return known == null && incoming != null ? notTakenYet(incoming) : Optional.ofNullable(known);
    }

    private static Optional<TransferredConnection> notTakenYet(IncomingConnection incoming) {
        try {
            return Optional.of(new TransferredConnection(
                    TransferRecord.decode(incoming.record()).states()));
        } catch (IllegalArgumentException e) {
            return Optional.empty(); // the transfer handler logs it, and closes the connection
        }
    }

    /**
     * What a handler of the old process has added by {@link Leaving#state}; empty if it has added nothing.
     */
    public Optional<byte[]> state(String name) {
        return Optional.ofNullable(states.get(name));
    }
}
