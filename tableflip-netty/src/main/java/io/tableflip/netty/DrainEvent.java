package io.tableflip.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.AttributeKey;
import java.time.Duration;
import java.util.Optional;

/**
 * Asks a connection to leave. Under {@link DrainPolicy#HANDLERS} it is fired as a user event through the
 * pipeline of every connection of a listener. One event serves all connections of a listener. All methods are
 * thread-safe.
 *
 * <p>A handler that understands the event finishes what is in progress, notifies the client in the client's
 * protocol, and closes the connection before {@link #remaining()} is zero. It passes the event on. A handler
 * that is added later, after a protocol negotiation for example, finds the event with {@link #of} in
 * {@code handlerAdded}: the event is attached to the channel before it is fired.
 *
 * <p>A rollback {@linkplain #isCancelled() cancels} the event: a handler checks that before each step, and
 * then continues as if nothing had happened. The next drain brings a new event.
 *
 * <p>This class is not final so that tests of handlers can use a subclass of their own.
 */
public abstract class DrainEvent {
    private static final AttributeKey<DrainEvent> CURRENT = AttributeKey.valueOf(DrainEvent.class, "current");

    /** For this library, and for tests of handlers. */
    protected DrainEvent() {}

    /** The event of the drain that this channel is in; empty if it is in none, or if that was cancelled. */
    public static Optional<DrainEvent> of(Channel channel) {
        return Optional.ofNullable(channel.attr(CURRENT).get()).filter(event -> !event.isCancelled());
    }

    /** Makes this the event that {@link #of} finds. The library does that before it fires the event. */
    protected final void attachTo(Channel channel) {
        channel.attr(CURRENT).set(this);
    }

    /** The time until the drain timeout, at which the connection is cut; zero after that. */
    public abstract Duration remaining();

    /**
     * This time, or half of the {@linkplain #remaining() remaining} time if that is less, so that there is
     * time for what follows.
     */
    public final Duration atMostHalf(Duration time) {
        Duration half = remaining().dividedBy(2);
        return half.compareTo(time) < 0 ? half : time;
    }

    /** Whether the drain was cancelled, because this process keeps serving. */
    public abstract boolean isCancelled();

    /**
     * Declares that a handler of this connection understands the event, even if it has nothing to notify the
     * client of yet.
     */
    public abstract void understood(Channel channel);

    /** Notes that the client was asked to leave in its protocol: counted in the report of the drain. */
    public abstract void notified(Channel channel);

    /**
     * Notes which protocol this connection speaks. The report of the drain counts by protocol; {@code other}
     * if nobody notes one. The last call counts.
     *
     * @param protocol a short name, {@code http/1.1} for example
     */
    public abstract void protocol(Channel channel, String protocol);

    /** The protocol that was noted for this connection; {@code other} if nobody has noted one. */
    public abstract String protocolOf(Channel channel);

    /**
     * Notes whether nothing is in progress on this connection. At the drain timeout it counts as idle then,
     * and as forced otherwise. A connection about which nothing is noted is not idle.
     */
    public abstract void idle(Channel channel, boolean isIdle);

    /**
     * Notes that this side has sent all that it had to send: only the client keeps the connection open now.
     */
    public abstract void finished(Channel channel);

    /**
     * Closes the connection of a handler that has ended its protocol. Everything that was written arrives:
     * the library flushes the last write, shuts down the output, discards what the client still sends, and
     * closes the connection when the client has closed its side, or 2 s after the client has got everything.
     * Under TLS it ends the stream first. Handlers do not see this close. Only on the event loop of the
     * connection.
     *
     * @param handler the context of the handler
     * @param last the last write; it need not be flushed
     */
    public abstract void end(ChannelHandlerContext handler, ChannelFuture last);

    /** Whether a handler of the connection has reacted to this event. */
    public abstract boolean isUnderstood(Channel channel);
}
