package io.tableflip.netty.channel;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.AttributeKey;
import io.tableflip.core.DrainReport;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.Upgrader;
import io.tableflip.core.log.Log;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.drain.AcceptedConnection;
import io.tableflip.netty.drain.ListenerDrain;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A listening channel and the connections it has accepted, as the upgrader sees them. Thread-safe.
 *
 * <p>It outlives its channel: when the user closes that while the program serves, the connections stay, and
 * an upgrade must drain them nevertheless. Only when the last of them has closed does the upgrader forget it.
 */
public final class Listener extends ServedChannel {
    private static final System.Logger LOG = Log.get();
    private static final AttributeKey<AcceptedConnection> ACCEPTED = AttributeKey.valueOf(Listener.class, "accepted");

    private final DrainPolicy policy;
    /** Listens at the address that the name stood for in the parent, until the parent has exited. */
    private final @Nullable PreviousListener previous;

    private final Set<AcceptedConnection> connections = ConcurrentHashMap.newKeySet();
    private volatile @Nullable ListenerDrain current;

    /** @param previous a channel that listens where the name led to before this generation */
    Listener(
            Upgrader upgrader,
            Binder binder,
            Channel channel,
            Reservation reservation,
            DrainPolicy policy,
            @Nullable Channel previous) {
        super(upgrader, binder, channel, reservation);
        this.policy = policy;
        this.previous = previous == null ? null : new PreviousListener(previous);
    }

    /** It is handed over to the next generation, so no drain asks it to leave or waits for it. */
    static void forget(Channel connection) {
        AcceptedConnection accepted = connection.attr(ACCEPTED).get();
        if (accepted != null) {
            accepted.closed().complete(null);
        }
    }

    @Override
    public void received(ChannelHandlerContext ctx, Object message) {
        if (message instanceof Channel accepted) {
            accept(ctx, accepted);
        } else {
            ctx.fireChannelRead(message);
        }
    }

    /** Takes in an accepted connection, before Netty's acceptor gets it. On the loop. */
    private void accept(ChannelHandlerContext ctx, Channel accepted) {
        AcceptedConnection connection = new AcceptedConnection(accepted, policy);
        accepted.attr(ACCEPTED).set(connection);
        connections.add(connection);
        connection.closed().thenRun(() -> {
            connections.remove(connection);
            unregisterIfOver();
            ListenerDrain drain = current;
            if (drain != null) {
                drain.closed(connection);
            }
        });
        ctx.fireChannelRead(accepted);
        connection.checkOpen();
    }

    public Set<AcceptedConnection> connections() {
        return connections;
    }

    @Override
    void whenBound() {
        if (previous != null) {
            previous.begin();
        }
    }

    @Override
    void whenGone() {
        if (previous != null) {
            previous.end();
        }
        unregisterIfOver();
    }

    @Override
    void alsoMove(boolean open) {
        if (previous != null) {
            previous.gate.move(open);
        }
    }

    private void unregisterIfOver() {
        if (!isReleased() && !channel().isOpen() && connections.isEmpty()) {
            upgrader().unregister(this);
        }
    }

    @Override
    public int remaining() {
        return connections.size();
    }

    @Override
    public CompletionStage<DrainReport> drain(Duration timeout) {
        ListenerDrain next = new ListenerDrain(timeout);
        replaceDrain(next);
        next.begin(openConnections());
        // The event loop that accepts may be blocked: that must hold up neither the others nor the timeout.
        closeGateFor(next);
        return next.report();
    }

    /** Not if a rollback has come first. */
    private synchronized void closeGateFor(ListenerDrain drain) {
        if (current == drain) {
            moveGate(false).whenComplete((done, failure) -> drain.complete(openConnections()));
        }
    }

    @Override
    public CompletionStage<?> resume() {
        replaceDrain(null);
        return moveGate(true);
    }

    private void replaceDrain(@Nullable ListenerDrain next) {
        ListenerDrain before;
        synchronized (this) {
            before = current;
            current = next;
        }
        if (before != null) {
            before.cancel();
        }
    }

    private List<AcceptedConnection> openConnections() {
        connections.forEach(AcceptedConnection::checkOpen);
        return List.copyOf(connections);
    }

    /** Whoever connects after that is refused. */
    @Override
    public CompletionStage<?> retire() {
        return whenQueueIsEmpty(() -> channel().close());
    }

    @Override
    public CompletionStage<?> release() {
        markReleased();
        if (channel().isOpen()) {
            channel().close();
        }
        return closed();
    }

    /**
     * A second channel whose connections go the same way as those of the first. It serves clients that know
     * only the old address, and those that the kernel has queued there, until the parent has exited.
     */
    private final class PreviousListener implements Gate.Owner {
        private final Channel old;
        private final Gate gate = new Gate(this);

        PreviousListener(Channel old) {
            this.old = old;
            old.pipeline().addFirst("tableflip-gate", gate);
        }

        /** On the loop of the first one, which this one shares. */
        void begin() {
            channel().eventLoop().register(old).addListener(registered -> {
                if (registered.isSuccess()) {
                    gate.move(Listener.this.isRunning());
                } else {
                    LOG.log(WARNING, Listener.this + ": the old address is not served", registered.cause());
                }
            });
            upgrader().parentExited().thenRun(() -> {
                LOG.log(INFO, "{0}: the parent has gone, the old address is closed", Listener.this);
                end();
            });
        }

        void end() {
            if (old.isRegistered()) {
                old.close();
            } else {
                old.unsafe().closeForcibly();
            }
        }

        @Override
        public boolean isRunning() {
            return Listener.this.isRunning();
        }

        @Override
        public void received(ChannelHandlerContext ctx, Object message) {
            gate().pass(message);
        }

        @Override
        public void bind(ChannelHandlerContext ctx, SocketAddress requested, ChannelPromise promise) {
            ctx.bind(requested, promise);
        }

        @Override
        public void closing() {}
    }
}
