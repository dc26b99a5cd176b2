package io.tableflip.netty;

import static java.util.Objects.requireNonNull;

import io.netty.channel.Channel;
import java.util.function.BiConsumer;

/**
 * How the connections of one listener are asked to leave when its process does. Immutable and thread-safe.
 *
 * <p>Whatever the policy does: the drain is over when every connection is closed, and connections that are still open at
 * the drain timeout are closed then.
 */
public final class Drain {
    /**
     * Fires a {@link DrainEvent} through the pipeline of each connection and leaves the rest to its handlers, {@link
     * HttpDrainHandler} for example. A connection whose pipeline has no handler that understands the event stays until
     * its peer closes it or the drain timeout has passed.
     */
    public static final Drain HANDLERS =
            new Drain("HANDLERS", (channel, event) -> channel.pipeline().fireUserEventTriggered(event));

    /**
     * Closes each connection at once, by {@link Channel#close()}. For protocols whose handlers turn a close into a
     * graceful end of their own (gRPC's do), and for those that need none.
     */
    public static final Drain CLOSE = new Drain("CLOSE", (channel, event) -> channel.close());

    private final String name;
    private final BiConsumer<Channel, DrainEvent> action;

    private Drain(String name, BiConsumer<Channel, DrainEvent> action) {
        this.name = name;
        this.action = action;
    }

    /**
     * Calls back for each connection, once per drain, on the event loop of that connection. The callback must not block.
     * An exception that it throws is logged, and that connection stays until the drain timeout.
     *
     * @param action gets the connection and the event, which can also be found by {@link DrainEvent#of} then
     */
    public static Drain callback(BiConsumer<Channel, DrainEvent> action) {
        return new Drain("callback " + action, requireNonNull(action));
    }

    /** Asks one connection to leave. On its loop. */
    void ask(Channel channel, DrainEvent event) {
        action.accept(channel, event);
    }

    @Override
    public String toString() {
        return name;
    }
}
