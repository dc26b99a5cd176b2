package io.tableflip.netty;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A channel that the next generation has too, a datagram socket or a connection that is handed over: one of the two reads. Thread-safe.
 *
 * <p>When it drains it reads no more, and waits until what it has read is answered, which shows in nothing being written for a while.
 */
final class SharedChannel extends Bound {
    private static final int STEPS = 4;

    private final Duration quiet;
    /** When nobody else reads it: at once for datagrams, of which each process gets whole ones. */
    private final CompletableFuture<Void> ours;

    private volatile @Nullable Run run;
    /** It may have read something that is not answered yet. */
    private boolean hasRun; // guarded by this

    /** It is to run, as soon as it is ours. */
    private boolean wanted; // guarded by this

    /** A datagram socket. */
    SharedChannel(Binding binding, Channel channel, NameLease lease, Duration quiet) {
        super(binding.made().upgrader(), binding.made().name(), binding, channel, lease);
        this.quiet = quiet;
        ours = CompletableFuture.completedFuture(null);
    }

    private SharedChannel(Upgrader upgrader, FdName name, Channel channel, NameLease lease) {
        super(upgrader, name, null, channel, lease);
        quiet = UpgradableServers.QUIET;
        ours = upgrader.parentPaused();
    }

    /** A connection that the parent has, too. */
    static SharedChannel connection(Upgrader upgrader, Channel channel, FdName name) {
        SharedChannel shared = new SharedChannel(upgrader, name, channel, NameLease.take(upgrader.fds(), name));
        shared.guard(false);
        return shared;
    }

    @Override
    void received(ChannelHandlerContext ctx, Object message) {
        ctx.fireChannelRead(message);
    }

    @Override
    void gone() {
        if (!isReleased()) {
            upgrader().unregister(this);
        }
    }

    /** A connection of this process, whose gate was not there from the beginning: it runs, and goes on. */
    synchronized void goOn() {
        hasRun = true;
        gate().openLate();
    }

    /** Does not wait until the parent has paused, which it does when this process has resumed. */
    @Override
    public CompletionStage<?> resume() {
        replaceRun(null);
        want(true);
        CompletableFuture<Void> opened = ours.thenCompose(nobodyElse -> openIfWanted());
        return ours.isDone() ? opened : CompletableFuture.completedFuture(null);
    }

    private synchronized void want(boolean run) {
        wanted = run;
    }

    private synchronized CompletableFuture<Void> openIfWanted() {
        if (!wanted) {
            return CompletableFuture.completedFuture(null);
        }
        hasRun = true;
        return moveGate(true);
    }

    @Override
    public CompletionStage<?> pause() {
        return closeGate();
    }

    private synchronized CompletableFuture<Void> closeGate() {
        wanted = false;
        return moveGate(false);
    }

    @Override
    public CompletionStage<DrainReport> drain(Duration timeout) {
        Run next = new Run(timeout);
        replaceRun(next);
        closeGate().thenCompose(done -> onLoop(next::begin)).whenComplete((done, failure) -> next.beganOr(failure));
        closed().thenRun(() -> next.end(true));
        if (isReleased()) {
            closeAfter(next);
        }
        return next.report;
    }

    private void replaceRun(@Nullable Run next) {
        Run before;
        synchronized (this) {
            before = run;
            run = next;
        }
        if (before != null) {
            before.cancel();
        }
    }

    /** Open until the drain is over, which may come after this: an answer may be on its way. */
    @Override
    public CompletionStage<?> release() {
        released();
        Run current = run;
        if (current != null) {
            closeAfter(current);
        } else if (!mayHaveRead()) {
            channel().close();
        }
        return closed();
    }

    /** If not, it does not begin to. */
    private synchronized boolean mayHaveRead() {
        wanted &= hasRun;
        return hasRun;
    }

    private void closeAfter(Run drain) {
        drain.report.whenComplete((report, failure) -> channel().close());
    }

    private final class Run {
        private final DrainEvent event;
        private final long begun = System.nanoTime();
        private final CompletableFuture<DrainReport> report = new CompletableFuture<>();

        Run(Duration timeout) {
            event = new DrainEvent(timeout);
            CompletableFuture<Void> timer = new CompletableFuture<>();
            timer.completeOnTimeout(null, timeout.toNanos(), NANOSECONDS).thenRun(() -> end(false));
            report.whenComplete((done, failure) -> timer.cancel(false));
        }

        /** On the loop. */
        void begin() {
            gate().written(); // what was read just now is not answered yet
            event.attachTo(channel());
            channel().pipeline().fireUserEventTriggered(event);
            look();
        }

        private void look() {
            if (report.isDone() || event.isCancelled()) {
                return;
            }
            if (isQuiet()) {
                end(true);
            } else {
                channel().eventLoop().schedule(this::look, quiet.toNanos() / STEPS, NANOSECONDS);
            }
        }

        private boolean isQuiet() {
            ChannelOutboundBuffer pending = channel().unsafe().outboundBuffer();
            boolean flushed = pending == null || pending.totalPendingWriteBytes() == 0;
            return flushed && gate().sinceWrite() >= quiet.toNanos();
        }

        /** A loop that takes no task has nothing to wait for. */
        void beganOr(@Nullable Throwable failure) {
            if (failure != null || !channel().isRegistered()) {
                end(true);
            }
        }

        void cancel() {
            event.cancel();
            end(true);
        }

        void end(boolean finished) {
            DrainReport.Builder built = DrainReport.builder()
                    .finished(finished ? 1 : 0)
                    .forced(finished ? 0 : 1)
                    .elapsed(Duration.ofNanos(System.nanoTime() - begun));
            report.complete(built.protocol(DrainEvent.protocolOf(channel()), built.build())
                    .build());
        }
    }
}
