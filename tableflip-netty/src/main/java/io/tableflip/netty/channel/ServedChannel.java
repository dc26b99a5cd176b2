package io.tableflip.netty.channel;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.concurrent.EventExecutorGroup;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.Participant;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.drain.LoopTasks;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A channel whose socket is passed on: its name, its gate, and how it is bound. Thread-safe. */
public abstract class ServedChannel implements Participant, FdSource, Gate.Owner {
    /** How long a channel that retires reads what clients go on sending. */
    private static final Duration QUEUE_LIMIT = Duration.ofSeconds(1);

    private final Upgrader upgrader;
    private final Binder binder;
    private final Channel channel;
    private volatile Reservation reservation;
    private final Gate gate = new Gate(this);
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    /** Where this channel and its connections run, as far as it is known. */
    private volatile List<EventExecutorGroup> groups = List.of();
    /** Further sockets that are served together with this one. */
    private final List<JoinedChannel> joined = new CopyOnWriteArrayList<>();
    /** The socket has its address: only then it may be passed on. */
    private volatile boolean bound;
    /** A bind has failed: the name may be somebody else's by now. */
    private boolean nameGone; // on the loop

    /** It was registered with the upgrader. */
    private volatile boolean serving;

    private volatile boolean running;
    private volatile boolean released;

    ServedChannel(Upgrader upgrader, Binder binder, Channel channel, Reservation reservation) {
        this.upgrader = upgrader;
        this.binder = binder;
        this.channel = channel;
        this.reservation = reservation;
        bound = binder.isBound();
    }

    /**
     * Puts the gate into the pipeline of a new channel, before anybody else can; its name is in use from now
     * on.
     */
    final void guard() {
        reservation.use(this);
        channel.pipeline().addFirst("tableflip-gate", gate);
        channel.closeFuture().addListener(done -> whenClosed());
    }

    /**
     * Serves another socket through the pipeline of this channel. Before this one is bound.
     *
     * @param itsReservation {@code null} if it is not passed on, and closed when the parent has exited
     */
    final void join(Channel other, @Nullable Reservation itsReservation) {
        joined.add(new JoinedChannel(this, other, itsReservation));
    }

    final void runsOn(List<EventExecutorGroup> loops) {
        groups = loops;
    }

    public final Channel channel() {
        return channel;
    }

    final Upgrader upgrader() {
        return upgrader;
    }

    public final FdName name() {
        return reservation.name();
    }

    final Gate gate() {
        return gate;
    }

    /** Completes when the channel is closed. */
    final CompletableFuture<Void> closed() {
        return closed;
    }

    /** The upgrader needs the channel no longer. */
    final void markReleased() {
        released = true;
    }

    final boolean isReleased() {
        return released;
    }

    /** The channel has closed, for whatever reason. */
    abstract void whenGone();

    // ---- bind and close, on the loop

    @Override
    public final void bind(ChannelHandlerContext ctx, SocketAddress requested, ChannelPromise promise) {
        try {
            takeNameAgain();
            reservation.use(this); // refused if an upgrade has begun, which this channel would miss
        } catch (IllegalStateException e) {
            failed(promise, e);
            return;
        }
        binder.bind(ctx, requested).whenComplete((done, failure) -> {
            if (failure == null) {
                bound(promise);
            } else {
                failed(promise, failure);
            }
        });
    }

    /** Whoever binds a channel directly may try again after a failure. */
    private void takeNameAgain() {
        if (nameGone) {
            reservation = upgrader.fds().reserve(name());
            nameGone = false;
        }
    }

    /**
     * Whoever sees the bind succeed may call {@code ready()} next: everything must be in its place by then.
     */
    private void bound(ChannelPromise promise) {
        try {
            serve();
            promise.trySuccess();
        } catch (RuntimeException e) {
            failed(promise, e);
        }
    }

    /** It is paused, drained and resumed with the process from now on. */
    private void serve() {
        bound = true;
        joined.forEach(JoinedChannel::begin);
        upgrader.register(this);
        serving = true;
    }

    private void failed(ChannelPromise promise, Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        upgrader.reportFailure(cause);
        if (!serving) {
            forget(); // a bootstrap closes the channel only after its user has learned of the failure
            nameGone = true;
        }
        promise.tryFailure(cause);
    }

    @Override
    public final void closing() {
        forget();
    }

    /** The socket is not passed on any more, and its name is free. */
    private void forget() {
        reservation.close();
        joined.forEach(JoinedChannel::forget);
    }

    private void whenClosed() {
        forget();
        joined.forEach(JoinedChannel::end);
        whenGone();
        closed.complete(null);
    }

    // ---- as the upgrader sees it

    @Override
    public CompletionStage<?> lend(IntConsumer use) {
        return onLoop(() -> {
            if (bound && channel.isOpen() && channel instanceof UnixChannel unix) {
                use.accept(unix.fd().intValue());
            }
        });
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    /**
     * Opens or closes the gate, as was asked last: a task that has to wait for a full queue must not overtake
     * what was asked after it. The second task is a fence: Netty 4.1 may have queued another round of reading
     * before the gate was closed. What comes of that round is known when this completes.
     */
    final CompletableFuture<Void> moveGate(boolean open) {
        running = open;
        return onLoop(() -> {
                    gate.move(running);
                    joined.forEach(other -> other.move(running));
                })
                .thenCompose(done -> onLoop(() -> {}));
    }

    @Override
    public final boolean isRunning() {
        return running;
    }

    @Override
    public CompletionStage<?> pause() {
        return moveGate(false);
    }

    @Override
    public final Set<FdName> serves() {
        Set<FdName> names = new LinkedHashSet<>();
        names.add(name());
        joined.forEach(other -> other.name().ifPresent(names::add));
        return names;
    }

    /**
     * Reads on until nothing is queued at the socket.
     *
     * @param then runs on the loop in that moment
     */
    final CompletableFuture<Void> whenQueueIsEmpty(Runnable then) {
        CompletableFuture<Void> empty = new CompletableFuture<>();
        long began = System.nanoTime();
        onLoop(() -> look(
                        () -> {
                            then.run();
                            empty.complete(null);
                        },
                        began))
                .whenComplete((done, failure) -> {
                    if (failure != null || !channel.isRegistered()) {
                        empty.complete(null);
                    }
                });
        return empty.acceptEither(closed, end -> {});
    }

    /**
     * Whether two rounds of the loop bring nothing: it reads first in each, and then runs the tasks that were
     * due by then, but the round under way may be past its reading.
     */
    private void look(Runnable whenEmpty, long began) {
        long before = gate.received();
        EventLoop loop = channel.eventLoop();
        Runnable decide = () -> {
            if (gate.received() == before || System.nanoTime() - began > QUEUE_LIMIT.toNanos()) {
                whenEmpty.run();
            } else {
                look(whenEmpty, began);
            }
        };
        loop.schedule(() -> loop.schedule(decide, 0, NANOSECONDS), 0, NANOSECONDS);
    }

    final CompletableFuture<Void> onLoop(Runnable task) {
        return LoopTasks.onLoopOf(channel, closed, task);
    }

    /** Starts the event loops: the system may have no thread left when the first connection comes. */
    @Override
    public CompletionStage<?> acquire() {
        Set<EventExecutorGroup> all = new LinkedHashSet<>(groups);
        if (channel.isRegistered()) {
            all.add(channel.eventLoop().parent());
        }
        return EpollLoops.startAll(all);
    }

    /** The name, for logs. */
    @Override
    public String toString() {
        return name().toString();
    }
}
