package io.tableflip.netty.drain;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.AttributeKey;
import io.tableflip.core.log.Log;
import io.tableflip.netty.DrainEvent;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The event of one drain of one listener, and what is noted of its connections. Thread-safe. */
public final class RunningDrain extends DrainEvent {
    private static final System.Logger LOG = Log.get();

    private static final AttributeKey<String> PROTOCOL = AttributeKey.valueOf(RunningDrain.class, "protocol");
    /** The drain in which this side of the connection has sent all that it had to send. */
    private static final AttributeKey<DrainEvent> FINISHED = AttributeKey.valueOf(RunningDrain.class, "finished");
    /** The drain to which a handler of the connection has reacted. */
    private static final AttributeKey<DrainEvent> UNDERSTOOD = AttributeKey.valueOf(RunningDrain.class, "understood");

    /** The drain at whose close the peer had not got all that was written to it. */
    private static final AttributeKey<DrainEvent> UNDELIVERED = AttributeKey.valueOf(RunningDrain.class, "undelivered");

    /** The protocol of connections for which nobody has noted one. */
    private static final String OTHER = "other";

    private final long deadline;
    private final Set<Channel> notified = ConcurrentHashMap.newKeySet();
    private final Set<Channel> idle = ConcurrentHashMap.newKeySet();
    /** What to undo at a rollback; called on any thread. */
    private final Map<Channel, Runnable> undo = new ConcurrentHashMap<>();

    private final AtomicBoolean unansweredLogged = new AtomicBoolean();
    /** Who has to leave; {@code null} if everybody has. */
    private final @Nullable Predicate<Channel> selection;

    private volatile boolean cancelled;

    public RunningDrain(Duration timeout) {
        this(timeout, null);
    }

    RunningDrain(Duration timeout, @Nullable Predicate<Channel> selection) {
        deadline = System.nanoTime() + timeout.toNanos();
        this.selection = selection;
    }

    /** Whether some connections may stay. */
    boolean isSelective() {
        return selection != null;
    }

    /**
     * Whether this connection has to leave; if not, it is not asked, and nobody waits for it. On its loop.
     */
    boolean selects(Channel channel) {
        return selection == null || selection.test(channel);
    }

    /** Attaches this event to a channel, and fires it through its pipeline. */
    public void fireThrough(Channel channel) {
        attachTo(channel);
        channel.pipeline().fireUserEventTriggered(this);
    }

    /** Attaches this event to a channel. */
    public void attach(Channel channel) {
        attachTo(channel);
    }

    @Override
    public Duration remaining() {
        return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    }

    @Override
    public boolean isCancelled() {
        return cancelled;
    }

    @Override
    public void understood(Channel channel) {
        channel.attr(UNDERSTOOD).set(this);
    }

    @Override
    public boolean isUnderstood(Channel channel) {
        return channel.attr(UNDERSTOOD).get() == this;
    }

    @Override
    public void notified(Channel channel) {
        understood(channel);
        if (!cancelled) {
            notified.add(channel);
        }
    }

    @Override
    public void protocol(Channel channel, String protocol) {
        understood(channel);
        channel.attr(PROTOCOL).set(requireNonNull(protocol));
    }

    @Override
    public void idle(Channel channel, boolean isIdle) {
        understood(channel);
        if (isIdle && !cancelled) {
            idle.add(channel);
        } else {
            idle.remove(channel);
        }
    }

    @Override
    public void finished(Channel channel) {
        channel.attr(FINISHED).set(this);
    }

    /** Also forgets the channels: those that stay open keep this event until the next one. */
    public void cancel() {
        cancelled = true;
        notified.clear();
        idle.clear();
        undo.values().forEach(Runnable::run);
        undo.clear();
    }

    /** Calls back, on any thread, if this is cancelled before {@link #forgetWhenCancelled}. */
    void whenCancelled(Channel channel, Runnable step) {
        undo.put(channel, step);
        if (cancelled && undo.remove(channel, step)) {
            step.run();
        }
    }

    void forgetWhenCancelled(Channel channel) {
        undo.remove(channel);
    }

    @Override
    public String protocolOf(Channel channel) {
        return requireNonNullElse(channel.attr(PROTOCOL).get(), OTHER);
    }

    public boolean isFinished(Channel channel) {
        return channel.attr(FINISHED).get() == this;
    }

    @Override
    public void end(ChannelHandlerContext handler, ChannelFuture last) {
        LingeringClose.begin(handler, this, last);
    }

    /** Notes that this connection is closed before its peer has got all that was written to it. */
    void undelivered(Channel channel) {
        channel.attr(UNDELIVERED).set(this);
    }

    boolean isUndelivered(Channel channel) {
        return channel.attr(UNDELIVERED).get() == this;
    }

    public boolean isIdle(Channel channel) {
        return idle.contains(channel);
    }

    /** Whether the client of this connection was notified. */
    public boolean isNotified(Channel channel) {
        return notified.contains(channel);
    }

    Set<Channel> notified() {
        return notified;
    }

    /** Logs that no handler of this connection has reacted: once per drain for all to see. */
    void logIfUnanswered(Channel channel) {
        if (!channel.isActive() || isUnderstood(channel)) {
            return;
        }
        boolean first = unansweredLogged.compareAndSet(false, true);
        LOG.log(
                first ? WARNING : DEBUG,
                "no handler of " + channel
                        + " has answered the drain event: the connection stays until its client closes it"
                        + " or the drain timeout has passed"
                        + (first
                                ? ". Add the drain handler of its protocol to the pipeline, or bind with another policy"
                                        + " (DrainPolicy.whenIdle, DrainPolicy.callback). Others of this listener: at level DEBUG"
                                : ""));
    }

    @Override
    public String toString() {
        return "DrainEvent(" + (cancelled ? "cancelled" : remaining().toMillis() + " ms left") + ")";
    }
}
