package io.tableflip.netty;

import static java.util.Objects.requireNonNull;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.tableflip.netty.drain.IdleProbe;
import java.time.Duration;
import java.util.function.BiConsumer;

/**
 * How the connections of one listener are asked to leave when its process does. Immutable and thread-safe.
 *
 * <p>With every policy the drain is over when every connection is closed, and connections that are still open
 * at the drain timeout are closed then.
 *
 * <p>Whoever closes a connection during a drain, by {@link Channel#close()} or in a handler, loses nothing
 * that was written to it: the library sends that, shuts down the output, discards what the client still
 * sends, and closes the connection when the client has closed its side, or 2 s after the client has got
 * everything. A connection whose client has not got everything by the drain timeout counts as forced.
 */
public final class DrainPolicy {
    /**
     * Fires a {@link DrainEvent} through the pipeline of each connection and leaves the rest to its handlers,
     * {@link io.tableflip.netty.http.HttpDrainHandler} for example. A connection whose pipeline has no
     * handler that understands the event stays until its client closes it or the drain timeout has passed;
     * the library logs that once per drain.
     */
    public static final DrainPolicy HANDLERS = new DrainPolicy(
            "HANDLERS",
            (channel, event) -> channel.pipeline().fireUserEventTriggered(event),
            true,
            Duration.ZERO,
            false);

    /**
     * Closes each connection immediately, with {@link Channel#close()}. For protocols whose handlers turn a
     * close into a graceful end of their own (gRPC's do), and for those that need none. A connection in its
     * TLS handshake is closed after the handshake, since the handlers of its protocol may not be in the
     * pipeline before. Handlers may take their time up to the drain timeout: an
     * {@code Http2ConnectionHandler} gives running streams 30 s by default.
     */
    public static final DrainPolicy CLOSE = new DrainPolicy("CLOSE", DrainPolicy::close, false, Duration.ZERO, false);

    /**
     * Transfers connections to the new process, and drains those that cannot be transferred by {@link
     * #HANDLERS}. The same as {@code HANDLERS.transferFirst()}.
     */
    public static final DrainPolicy TRANSFER = HANDLERS.transferFirst();

    private final String name;
    private final BiConsumer<Channel, DrainEvent> action;
    private final boolean byHandlers;
    private final Duration window;
    private final boolean transfers;

    private DrainPolicy(
            String name,
            BiConsumer<Channel, DrainEvent> action,
            boolean byHandlers,
            Duration window,
            boolean transfers) {
        this.name = name;
        this.action = action;
        this.byHandlers = byHandlers;
        this.window = window;
        this.transfers = transfers;
    }

    /**
     * This policy, but in an upgrade each connection that can be transferred goes on in the new process: its
     * client keeps the connection, and sees nothing. A connection can be transferred at a boundary, where no
     * message is half received and none half answered. A handler that knows the boundaries of its protocol
     * must be in its pipeline, in both processes: {@link io.tableflip.netty.transfer.HttpTransferHandler} or
     * {@link io.tableflip.netty.transfer.TransferHandler}. The new process must bind the listener with such a
     * policy, too. What an application keeps for a connection stays behind, unless a handler adds it to
     * {@link io.tableflip.netty.transfer.Leaving}.
     *
     * <p>Until the new process is the service, this one serves its connections as before, and asks none to
     * leave but those that can never be transferred (TLS, HTTP/2). Then connections are transferred. Those
     * that do not come to a boundary in half of the time that is left until the drain timeout are asked to
     * leave by this policy, as all are in a stop.
     */
    public DrainPolicy transferFirst() {
        return new DrainPolicy(name, action, byHandlers, window, true);
    }

    /** Whether connections are transferred if possible. */
    public boolean transfers() {
        return transfers;
    }

    /**
     * Calls back for each connection, once per drain, on the event loop of that connection. The callback must
     * not block. It has to finish what is in progress, and then close the channel. An exception is logged,
     * and that connection stays until the drain timeout.
     *
     * @param action gets the connection and the event, which {@link DrainEvent#of} finds as well
     */
    public static DrainPolicy callback(BiConsumer<Channel, DrainEvent> action) {
        return new DrainPolicy("callback " + action, requireNonNull(action), false, Duration.ZERO, false);
    }

    /**
     * Closes each connection, with {@link Channel#close()}, when nothing was read or written on it for some
     * time and nothing waits to be sent. For protocols without a way to ask a client to leave. A connection
     * that is never quiet for that time stays until the drain timeout.
     *
     * @param quiet the time without traffic; at most half of the time that remains until the drain timeout
     */
    public static DrainPolicy whenIdle(Duration quiet) {
        long nanos = notNegative(quiet).toNanos();
        return new DrainPolicy(
                "whenIdle " + quiet,
                (channel, event) -> IdleProbe.install(channel, event, nanos),
                false,
                Duration.ZERO,
                false);
    }

    /**
     * This policy, but connections are asked one after the other over a window, so that their clients do not
     * all reconnect at the same moment. Each is asked at a random time of its own, evenly over the window.
     * Connections that are idle ({@link DrainEvent#idle}) when the drain timeout comes near are closed over
     * the last window before it, and not all at the timeout; the others have their time to the timeout.
     *
     * @param window the length; at most half of the drain timeout. Zero is the default
     */
    public DrainPolicy spreadOver(Duration window) {
        return new DrainPolicy(name, action, byHandlers, notNegative(window), transfers);
    }

    private static Duration notNegative(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("negative: " + time);
        }
        return time;
    }

    /** The time over which connections are asked. */
    public Duration window() {
        return window;
    }

    /** Whether the handlers of a connection decide how it leaves. */
    public boolean isByHandlers() {
        return byHandlers;
    }

    /** Asks one connection to leave. The library calls this on the event loop of the connection. */
    public void ask(Channel channel, DrainEvent event) {
        action.accept(channel, event);
    }

    private static void close(Channel channel, DrainEvent event) {
        afterHandshake(channel, () -> {
            if (!event.isCancelled()) {
                channel.close();
            }
        });
    }

    private static void afterHandshake(Channel channel, Runnable action) {
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls == null || tls.handshakeFuture().isDone()) {
            action.run();
        } else {
            tls.handshakeFuture().addListener(handshaken -> channel.eventLoop().execute(action));
        }
    }

    @Override
    public String toString() {
        return name + (window.isZero() ? "" : " over " + window) + (transfers ? " if not transferred" : "");
    }
}
