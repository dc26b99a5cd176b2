package io.tableflip.netty.channel;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.AttributeKey;
import io.tableflip.core.DrainReport;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.drain.AcceptedConnection;
import io.tableflip.netty.drain.ListenerDrain;
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
    private static final AttributeKey<AcceptedConnection> ACCEPTED = AttributeKey.valueOf(Listener.class, "accepted");

    private final DrainPolicy policy;
    private final Set<AcceptedConnection> connections = ConcurrentHashMap.newKeySet();
    private volatile @Nullable ListenerDrain current;

    Listener(Upgrader upgrader, Binder binder, Channel channel, Reservation reservation, DrainPolicy policy) {
        super(upgrader, binder, channel, reservation);
        this.policy = policy;
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
    void whenGone() {
        unregisterIfOver();
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
}
