package io.tableflip.netty.channel;

import static java.lang.System.Logger.Level.DEBUG;
import static java.util.Objects.requireNonNull;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.epoll.AbstractEpollServerChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.AttributeKey;
import io.tableflip.core.DrainReport;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.Upgrader;
import io.tableflip.core.log.Log;
import io.tableflip.core.transfer.ConnectionSender;
import io.tableflip.core.transfer.TransferParticipant;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.drain.AcceptedConnection;
import io.tableflip.netty.drain.ListenerDrain;
import io.tableflip.netty.engine.ArrivalCheck;
import io.tableflip.netty.engine.Candidate;
import io.tableflip.netty.engine.IncomingConnection;
import io.tableflip.netty.engine.ListenerTransfer;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A listening channel and the connections it has accepted, as the upgrader sees them. Thread-safe.
 *
 * <p>It outlives its channel: when the user closes that while the program serves, the connections stay, and
 * an upgrade must drain them nevertheless. Only when the last of them has closed does the upgrader forget it.
 */
public final class Listener extends ServedChannel implements TransferParticipant {
    private static final System.Logger LOG = Log.get();
    private static final AttributeKey<AcceptedConnection> ACCEPTED = AttributeKey.valueOf(Listener.class, "accepted");

    private final DrainPolicy policy;
    private final Set<AcceptedConnection> connections = ConcurrentHashMap.newKeySet();
    private volatile @Nullable ListenerDrain current;
    /** Of those that were to be transferred and were not. */
    private volatile @Nullable ListenerDrain rest;

    Listener(Upgrader upgrader, Binder binder, Channel channel, Reservation reservation, DrainPolicy policy) {
        super(upgrader, binder, channel, reservation);
        this.policy = policy;
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
            closed(current, connection);
            closed(rest, connection);
        });
        ctx.fireChannelRead(accepted);
        connection.checkOpen();
    }

    private static void closed(@Nullable ListenerDrain drain, AcceptedConnection connection) {
        if (drain != null) {
            drain.closed(connection);
        }
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
        return drain(new ListenerDrain(timeout));
    }

    @Override
    public CompletionStage<DrainReport> drainOthers(Duration timeout) {
        return drain(new ListenerDrain(timeout, Candidate::neverReason));
    }

    private CompletionStage<DrainReport> drain(ListenerDrain next) {
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

    // ---- connections that go on in the child, or have come from the parent

    @Override
    public boolean transfers() {
        return policy.transfers() && channel().isOpen() && channel() instanceof AbstractEpollServerChannel;
    }

    @Override
    public CompletionStage<DrainReport> transfer(Duration timeout, ConnectionSender sender) {
        ListenerDrain left = new ListenerDrain(timeout);
        rest = left;
        left.begin(List.of());
        ListenerDrain leaving = current;
        List<Channel> channels = openConnections().stream()
                .filter(connection -> leaving == null || !leaving.isPending(connection))
                .map(AcceptedConnection::channel)
                .filter(Channel::isRegistered)
                .toList();
        CompletableFuture<DrainReport> transferred = new ListenerTransfer(
                        sender, timeout.dividedBy(2), channel -> left.add(List.of(connectionOf(channel))))
                .begin(channels);
        // those that no loop has yet, and those that the transfer has missed
        transferred.thenRun(() -> left.complete(openConnections()));
        return transferred.thenCombine(left.report(), DrainReport::plus);
    }

    private static AcceptedConnection connectionOf(Channel channel) {
        return requireNonNull(channel.attr(ACCEPTED).get());
    }

    @Override
    public CompletionStage<?> adopt(int fd, byte[] record) {
        IncomingConnection incoming = new IncomingConnection(record);
        AtomicBoolean begun = new AtomicBoolean();
        onLoop(() -> gate().inPipeline(ctx -> {
                    if (channel().isOpen() && begun.compareAndSet(false, true)) {
                        adopt(ctx, fd, incoming);
                    }
                }))
                .whenComplete((done, failure) -> {
                    if (begun.compareAndSet(false, true)) { // this listener was closed meanwhile
                        close(fd);
                        incoming.arrived();
                    }
                });
        return incoming.reading();
    }

    private static void close(int fd) {
        try {
            new FileDescriptor(fd).close();
        } catch (IOException e) {
            LOG.log(DEBUG, "a connection of the parent", e);
        }
    }

    /** As if it had just been accepted. On the loop. */
    private void adopt(ChannelHandlerContext ctx, int fd, IncomingConnection incoming) {
        try {
            Channel connection = ConnectionTaker.take(channel(), fd);
            if (!connection.isActive()) { // reset by the client on its way; once registered it would stay for ever
                connection.unsafe().closeForcibly();
                incoming.arrived();
                return;
            }
            ArrivalCheck.install(connection, incoming);
            accept(ctx, connection);
            connectionOf(connection).closed().thenRun(incoming::arrived);
            ctx.fireChannelReadComplete();
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "a connection of the parent", e);
            incoming.arrived();
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
