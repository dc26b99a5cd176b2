package io.tableflip.netty;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.util.Objects.requireNonNull;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import java.time.Duration;
import java.util.function.BiConsumer;

/**
 * How the connections of one listener are asked to leave when its process does. Immutable and thread-safe.
 *
 * <p>Whatever the policy does: the drain is over when every connection is closed, and connections that are still open at
 * the drain timeout are closed then.
 */
public final class Drain {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /**
     * Fires a {@link DrainEvent} through the pipeline of each connection and leaves the rest to its handlers, {@link
     * HttpDrainHandler} for example. A connection whose pipeline has no handler that understands the event stays until
     * its peer closes it or the drain timeout has passed; the log says so, once per drain.
     */
    public static final Drain HANDLERS = new Drain("HANDLERS", Drain::fire, Duration.ZERO, Duration.ZERO);

    /**
     * Closes each connection at once, by {@link Channel#close()}. For protocols whose handlers turn a close into a
     * graceful end of their own (gRPC's do), and for those that need none. A connection in its TLS handshake is closed after that,
     * since the handlers of its protocol may not be in the pipeline before. The time that such handlers take is up to them, and to the
     * drain timeout: an {@code Http2ConnectionHandler} gives running streams 30 s by itself.
     */
    public static final Drain CLOSE = new Drain("CLOSE", Drain::close, Duration.ZERO, Duration.ZERO);

    private final String name;
    private final BiConsumer<Channel, DrainEvent> action;
    private final Duration window;
    private final Duration overlap;

    private Drain(String name, BiConsumer<Channel, DrainEvent> action, Duration window, Duration overlap) {
        this.name = name;
        this.action = action;
        this.window = window;
        this.overlap = overlap;
    }

    /**
     * Calls back for each connection, once per drain, on the event loop of that connection. The callback must not block. What
     * it begins is for it to end: it finishes what is under way, then closes the channel.
     * An exception that it throws is logged, and that connection stays until the drain timeout.
     *
     * @param action gets the connection and the event, which can also be found by {@link DrainEvent#of} then
     */
    public static Drain callback(BiConsumer<Channel, DrainEvent> action) {
        return new Drain("callback " + action, requireNonNull(action), Duration.ZERO, Duration.ZERO);
    }

    /**
     * Closes each connection, by {@link Channel#close()}, as soon as nothing was read or written on it for some time, and
     * nothing waits to be sent. For protocols without a way to ask a client to leave. A connection that is never quiet for so
     * long stays until the drain timeout.
     *
     * @param quiet how long; more than half of the time that remains until the drain timeout counts as half of it
     */
    public static Drain whenIdle(Duration quiet) {
        long nanos = notNegative(quiet).toNanos();
        return new Drain(
                "whenIdle " + quiet,
                (channel, event) -> IdleProbe.install(channel, event, nanos),
                Duration.ZERO,
                Duration.ZERO);
    }

    /**
     * This policy, but the connections are not all asked in the same moment, so that their clients do not all come back in the same
     * one: each is asked at a random time of its own, evenly over the window. Those that are idle ({@link DrainEvent#idle})
     * when the drain timeout comes near are closed over the last window before it, and not all at it; what is not idle has its time
     * to the timeout as ever.
     *
     * @param window how long; more than half of the drain timeout counts as half of it, and zero is the default
     */
    public Drain spreadOver(Duration window) {
        return new Drain(name, action, notNegative(window), overlap);
    }

    /**
     * This policy, but the process that is replaced goes on accepting for a while beside the new one, and asks its connections to leave only then: a
     * new JVM loads classes and compiles while its first clients wait, and meanwhile whoever is free takes the others. The kernel gives a
     * connection to the process that accepts first. If the upgrade fails in that time, nothing has changed for the old connections.
     *
     * <p>It is part of the time to {@link io.tableflip.core.UpgraderBuilder#readyAfter}, and ends with that: the new process commits then. It is for listeners of
     * connections; a drain for good has none. {@link io.tableflip.core.Upgrader#parentPaused()} does not wait for it.
     *
     * @param time how long; zero is the default
     */
    public Drain overlapping(Duration time) {
        return new Drain(name, action, window, notNegative(time));
    }

    private static Duration notNegative(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("negative: " + time);
        }
        return time;
    }

    Duration window() {
        return window;
    }

    Duration overlap() {
        return overlap;
    }

    /** Asks one connection to leave. On its loop. */
    void ask(Channel channel, DrainEvent event) {
        action.accept(channel, event);
    }

    private static void close(Channel channel, DrainEvent event) {
        afterHandshake(channel, () -> {
            if (!event.isCancelled()) {
                channel.close();
            }
        });
    }

    private static void fire(Channel channel, DrainEvent event) {
        channel.pipeline().fireUserEventTriggered(event);
        afterHandshake(channel, () -> {
            if (channel.isActive() && !event.isUnderstood(channel)) {
                logUnanswered(channel, event.firstNotUnderstood());
            }
        });
    }

    /** At once, but in a TLS handshake: then when all handlers have heard of its end. */
    private static void afterHandshake(Channel channel, Runnable action) {
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls == null || tls.handshakeFuture().isDone()) {
            action.run();
        } else {
            tls.handshakeFuture().addListener(handshaken -> channel.eventLoop().execute(action));
        }
    }

    private static void logUnanswered(Channel channel, boolean first) {
        LOG.log(
                first ? INFO : DEBUG,
                "no handler of " + channel
                        + " has answered the drain event: the connection stays until its client closes it"
                        + " or the drain timeout has passed"
                        + (first
                                ? ". Add the drain handler of its protocol to the pipeline, or bind with another policy"
                                        + " (Drain.whenIdle, Drain.callback). Others of this listener: at level DEBUG"
                                : ""));
    }

    @Override
    public String toString() {
        return name + (overlap.isZero() ? "" : " after " + overlap) + (window.isZero() ? "" : " over " + window);
    }
}
