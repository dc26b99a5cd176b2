package io.tableflip.netty;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Asks a connection to leave, politely: under {@link Drain#HANDLERS} it is fired as a user event through the pipeline of
 * every connection of a listener. Thread-safe; one event serves all connections of a listener.
 *
 * <p>A handler that understands it finishes what is under way, tells the client in the words of its protocol, and closes
 * the connection before {@link #remaining()} is zero. It passes the event on. A handler that is added later, after a protocol
 * negotiation for example, finds the event with {@link #of} in {@code handlerAdded}: the event is attached to the channel
 * before it is fired.
 *
 * <p>When the upgrade is rolled back the event {@linkplain #isCancelled() is cancelled}: a handler looks at that before each
 * step and goes on as if nothing had happened. The next drain brings a new event.
 */
public final class DrainEvent {
    private static final AttributeKey<DrainEvent> KEY = AttributeKey.valueOf(DrainEvent.class, "current");

    /** The event of the drain in which the connection has said all that it had to say. */
    private static final AttributeKey<DrainEvent> FINISHED = AttributeKey.valueOf(DrainEvent.class, "finished");

    private static final AttributeKey<String> PROTOCOL = AttributeKey.valueOf(DrainEvent.class, "protocol");

    /** The event to which a handler of the connection has reacted. */
    private static final AttributeKey<DrainEvent> UNDERSTOOD = AttributeKey.valueOf(DrainEvent.class, "understood");

    /** Under which those are counted whose protocol nobody has noted. */
    private static final String OTHER = "other";

    private final long deadline;
    private final Set<Channel> told = ConcurrentHashMap.newKeySet();
    private final Set<Channel> idle = ConcurrentHashMap.newKeySet();
    /** What is to be undone at a rollback; called on any thread. */
    private final Map<Channel, Runnable> undo = new ConcurrentHashMap<>();

    private final AtomicBoolean notUnderstood = new AtomicBoolean();
    private volatile boolean cancelled;

    DrainEvent(Duration timeout) {
        deadline = System.nanoTime() + timeout.toNanos();
    }

    /** The event of the drain that this channel is in, if it is in one that was not cancelled. */
    public static Optional<DrainEvent> of(Channel channel) {
        return Optional.ofNullable(channel.attr(KEY).get()).filter(event -> !event.isCancelled());
    }

    /** The time until the drain timeout, when the connection will be cut; zero after that. */
    public Duration remaining() {
        return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    }

    /** That time, or half of the time that is left if that is less: so that what follows has its time too. */
    Duration atMostHalf(Duration time) {
        Duration half = remaining().dividedBy(2);
        return half.compareTo(time) < 0 ? half : time;
    }

    /** Whether the drain was called off, because this process goes on serving. */
    public boolean isCancelled() {
        return cancelled;
    }

    /** Notes that the client was asked to leave in the words of its protocol: counted in the report of the drain. */
    public void told(Channel channel) {
        understood(channel);
        if (!cancelled) {
            told.add(channel);
        }
    }

    /**
     * Notes which protocol this connection speaks, under which the report of the drain counts it; the last one
     * counts, and {@code other} if there is none. Whoever
     * notes one understands the event, even if it has nothing to say to the client yet.
     *
     * @param protocol a short name, {@code http/1.1} for example
     */
    public void protocol(Channel channel, String protocol) {
        understood(channel);
        channel.attr(PROTOCOL).set(requireNonNull(protocol));
    }

    /**
     * Notes whether nothing is under way on this connection: at the drain timeout it counts as idle then, and as forced
     * otherwise. Connections of which nothing was noted are not idle.
     */
    public void idle(Channel channel, boolean isIdle) {
        understood(channel);
        if (isIdle && !cancelled) {
            idle.add(channel);
        } else {
            idle.remove(channel);
        }
    }

    void attachTo(Channel channel) {
        channel.attr(KEY).set(this);
    }

    /** Also forgets the channels: those that go on keep this event until the next one. */
    void cancel() {
        cancelled = true;
        told.clear();
        idle.clear();
        undo.values().forEach(Runnable::run);
        undo.clear();
    }

    /** Calls back, on any thread, if this is cancelled while the step is the channel's. */
    void whenCancelled(Channel channel, Runnable step) {
        undo.put(channel, step);
        if (cancelled && undo.remove(channel, step)) {
            step.run();
        }
    }

    void forgetWhenCancelled(Channel channel) {
        undo.remove(channel);
    }

    /** A handler of the channel knows what this event means, even if it has nothing to note yet. */
    void understood(Channel channel) {
        channel.attr(UNDERSTOOD).set(this);
    }

    boolean isUnderstood(Channel channel) {
        return channel.attr(UNDERSTOOD).get() == this;
    }

    /** True once. */
    boolean firstNotUnderstood() {
        return notUnderstood.compareAndSet(false, true);
    }

    static String protocolOf(Channel channel) {
        return requireNonNullElse(channel.attr(PROTOCOL).get(), OTHER);
    }

    /** Only the client keeps the connection open now. */
    void finished(Channel channel) {
        channel.attr(FINISHED).set(this);
    }

    boolean isFinished(Channel channel) {
        return channel.attr(FINISHED).get() == this;
    }

    boolean isIdle(Channel channel) {
        return idle.contains(channel);
    }

    Set<Channel> told() {
        return told;
    }

    @Override
    public String toString() {
        return "DrainEvent(" + (cancelled ? "cancelled" : remaining().toMillis() + " ms left") + ")";
    }
}
