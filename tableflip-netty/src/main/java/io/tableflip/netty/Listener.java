package io.tableflip.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.Socket;
import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Participant;
import io.tableflip.core.Upgrader;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A listening channel and the connections it has accepted, as the upgrader sees them. Thread-safe.
 *
 * <p>It outlives its channel: when the user closes that while the program serves, the connections go on, and an upgrade must drain
 * them all the same. Only when the last of them has gone too does the upgrader forget it.
 */
final class Listener implements Participant, FdSource {
    private final Upgrader upgrader;
    private final FdName name;
    private final SocketAddress address;
    private final Drain policy;
    private final EpollServerSocketChannel channel;
    private final boolean inherited;
    private final NameLease lease;
    private final Gate gate = new Gate(this);
    private final Set<Child> children = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean named = new AtomicBoolean();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private volatile boolean accepting;
    private volatile boolean released;
    private volatile @Nullable DrainRun run;

    private Listener(ListenerFactory made, EpollServerSocketChannel channel, boolean inherited, NameLease lease) {
        upgrader = made.upgrader();
        name = made.name();
        address = made.address();
        policy = made.policy();
        this.channel = channel;
        this.inherited = inherited;
        this.lease = lease;
        named.set(inherited);
    }

    /** Puts the gate into the pipeline of a new channel, before anybody else can. */
    static void guard(ListenerFactory made, EpollServerSocketChannel channel, boolean inherited, NameLease lease) {
        Listener listener = new Listener(made, channel, inherited, lease);
        lease.heldBy(listener);
        channel.pipeline().addFirst("tableflip-gate", listener.gate);
        channel.closeFuture().addListener(done -> listener.whenClosed());
    }

    EpollServerSocketChannel channel() {
        return channel;
    }

    /** Binds the channel or, if it was inherited, lets it be: then only its queue is made as long as it was configured. */
    void bind(ChannelHandlerContext ctx, SocketAddress requested, ChannelPromise promise) {
        if (!Addresses.same(address, requested)) {
            failed(
                    promise,
                    new IllegalStateException(
                            "this channel was made for " + Addresses.text(address) + " and cannot be bound to "
                                    + Addresses.text(requested) + ": make one factory per address"));
        } else if (inherited) {
            listen(promise);
        } else {
            ctx.bind(requested).addListener(done -> {
                if (done.isSuccess()) {
                    bound(promise);
                } else {
                    failed(promise, bindFailure(done.cause()));
                }
            });
        }
    }

    private void listen(ChannelPromise promise) {
        try {
            if (!channel.isOpen()) {
                // Its number may be somebody else's by now.
                throw new ClosedChannelException();
            }
            ((Socket) channel.fd()).listen(channel.config().getBacklog());
            bound(promise);
        } catch (IOException e) {
            failed(promise, bindFailure(e));
        }
    }

    /** Who sees the bind succeed may call {@code ready()} next: everything must be in its place by then. */
    private void bound(ChannelPromise promise) {
        try {
            upgrader.fds().add(name, this);
            named.set(true);
            upgrader.register(this);
            promise.trySuccess();
        } catch (RuntimeException e) {
            failed(promise, e);
        }
    }

    private Exception bindFailure(Throwable cause) {
        return Addresses.bindFailure(address, cause, upgrader.fds().inherited());
    }

    private void failed(ChannelPromise promise, Exception cause) {
        upgrader.reportFailure(cause);
        promise.tryFailure(cause);
    }

    /** Takes in an accepted connection, before Netty's acceptor gets it. On the loop. */
    void accept(Channel accepted, Runnable pass) {
        Child child = new Child(accepted, policy);
        children.add(child);
        child.gone().thenRun(() -> {
            children.remove(child);
            unregisterIfOver();
            DrainRun current = run;
            if (current != null) {
                current.gone(child);
            }
        });
        pass.run();
        child.checkOpen();
    }

    Set<Child> children() {
        return children;
    }

    /** The channel is not passed on any more, and its name is free. */
    void forget() {
        if (named.getAndSet(false)) {
            upgrader.fds().remove(name);
        }
        lease.free();
    }

    private void whenClosed() {
        forget();
        unregisterIfOver();
        closed.complete(null);
    }

    private void unregisterIfOver() {
        if (!released && !channel.isOpen() && children.isEmpty()) {
            upgrader.unregister(this);
        }
    }

    @Override
    public CompletionStage<?> lend(IntConsumer use) {
        return onLoop(() -> {
            if (channel.isOpen()) {
                use.accept(channel.fd().intValue());
            }
        });
    }

    @Override
    public CompletionStage<?> pause() {
        accepting = false;
        return moveGate();
    }

    /**
     * Opens or closes the gate, as was asked last: a task that has to wait for a full queue must not overtake what was asked
     * after it. The second task is a fence: Netty 4.1 may have queued another round of accepting before the gate was closed. The
     * connections of that round are accepted, and known, when this completes.
     */
    private CompletableFuture<Void> moveGate() {
        return onLoop(() -> {
                    if (accepting) {
                        gate.open();
                    } else {
                        gate.close();
                    }
                })
                .thenCompose(done -> onLoop(() -> {}));
    }

    @Override
    public CompletionStage<DrainReport> drain(Duration timeout) {
        accepting = false;
        DrainRun next = new DrainRun(timeout);
        replaceRun(next);
        next.begin(openChildren());
        // Who accepts may be blocked: that must hold up neither the others nor the timeout.
        moveGate().whenComplete((done, failure) -> next.complete(openChildren()));
        return next.report();
    }

    @Override
    public CompletionStage<?> resume() {
        accepting = true;
        replaceRun(null);
        return moveGate();
    }

    private void replaceRun(@Nullable DrainRun next) {
        DrainRun before;
        synchronized (this) {
            before = run;
            run = next;
        }
        if (before != null) {
            before.cancel();
        }
    }

    private List<Child> openChildren() {
        children.forEach(Child::checkOpen);
        return List.copyOf(children);
    }

    @Override
    public CompletionStage<?> release() {
        released = true;
        if (channel.isOpen()) {
            channel.close();
        }
        return closed;
    }

    private CompletableFuture<Void> onLoop(Runnable task) {
        return Tasks.onLoopOf(channel, closed, task);
    }

    /** The name, for logs. */
    @Override
    public String toString() {
        return name.toString();
    }
}
