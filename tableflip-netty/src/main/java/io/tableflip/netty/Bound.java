package io.tableflip.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.unix.UnixChannel;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Participant;
import io.tableflip.core.Upgrader;
import java.net.SocketAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A channel of a socket that is passed on: its name, its gate, and how it is bound. Thread-safe. */
abstract class Bound implements Participant, FdSource {
    private final Upgrader upgrader;
    private final FdName name;
    private final @Nullable Binding binding;
    private final Channel channel;
    private final NameLease lease;
    private final Gate gate = new Gate(this);
    private final AtomicBoolean named = new AtomicBoolean();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private volatile boolean running;
    private volatile boolean released;

    /** @param binding {@code null} for a connection */
    Bound(Upgrader upgrader, FdName name, @Nullable Binding binding, Channel channel, NameLease lease) {
        this.upgrader = upgrader;
        this.binding = binding;
        this.name = name;
        this.channel = channel;
        this.lease = lease;
    }

    /**
     * Puts the gate into the pipeline of a new channel, before anybody else can.
     *
     * @param inherited whether the upgrader knows its name
     */
    final void guard(boolean inherited) {
        named.set(inherited);
        lease.heldBy(this);
        channel.pipeline().addFirst("tableflip-gate", gate);
        channel.closeFuture().addListener(done -> whenClosed());
    }

    final Channel channel() {
        return channel;
    }

    final Upgrader upgrader() {
        return upgrader;
    }

    final FdName name() {
        return name;
    }

    final Gate gate() {
        return gate;
    }

    /** Completes when the channel is closed. */
    final CompletableFuture<Void> closed() {
        return closed;
    }

    /** The upgrader lets go of the channel for good. */
    final void released() {
        released = true;
    }

    final boolean isReleased() {
        return released;
    }

    /** What was read from the channel: connections or datagrams. On the loop. */
    abstract void received(ChannelHandlerContext ctx, Object message);

    /** When the channel has gone, for whatever reason. */
    abstract void gone();

    /** Called when the channel is bound, before anybody hears of it. */
    void nowBound() {}

    // ---- bind and close, on the loop

    final void bind(ChannelHandlerContext ctx, SocketAddress requested, ChannelPromise promise) {
        if (binding == null) {
            ctx.bind(requested, promise);
        } else {
            binding.bind(this, ctx, requested, promise);
        }
    }

    /** Who sees the bind succeed may call {@code ready()} next: everything must be in its place by then. */
    final void bound(ChannelPromise promise) {
        try {
            nowNamed();
            promise.trySuccess();
        } catch (RuntimeException e) {
            failed(promise, e);
        }
    }

    /** It is passed on from now on, and moves with the process. */
    final void nowNamed() {
        upgrader.fds().add(name, this);
        named.set(true);
        nowBound();
        upgrader.register(this);
    }

    final void failed(ChannelPromise promise, Exception cause) {
        upgrader().reportFailure(cause);
        promise.tryFailure(cause);
    }

    /** The channel is not passed on any more, and its name is free. */
    final void forget() {
        if (named.getAndSet(false)) {
            upgrader().fds().remove(name());
        }
        lease.free();
    }

    private void whenClosed() {
        forget();
        gone();
        closed.complete(null);
    }

    // ---- as the upgrader sees it

    @Override
    public CompletionStage<?> lend(IntConsumer use) {
        return onLoop(() -> {
            if (channel.isOpen() && channel instanceof UnixChannel unix) {
                use.accept(unix.fd().intValue());
            }
        });
    }

    /**
     * Opens or closes the gate, as was asked last: a task that has to wait for a full queue must not overtake what was asked
     * after it. The second task is a fence: Netty 4.1 may have queued another round of reading before the gate was closed. What
     * comes of that round is known when this completes.
     */
    final CompletableFuture<Void> moveGate(boolean open) {
        running = open;
        return onLoop(this::moveGates).thenCompose(done -> onLoop(() -> {}));
    }

    private void moveGates() {
        move(gate, running);
        alsoMove(running);
    }

    static void move(Gate gate, boolean open) {
        if (open) {
            gate.open();
        } else {
            gate.close();
        }
    }

    /** Another gate that moves with this one. */
    void alsoMove(boolean open) {}

    final boolean isRunning() {
        return running;
    }

    @Override
    public CompletionStage<?> pause() {
        return moveGate(false);
    }

    final CompletableFuture<Void> onLoop(Runnable task) {
        return Tasks.onLoopOf(channel, closed, task);
    }

    /** The name, for logs. */
    @Override
    public String toString() {
        return name().toString();
    }
}
