package io.tableflip.netty.channel;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.tableflip.core.DrainReport;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.drain.RunningDrain;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A datagram channel. The next generation has its socket too, and one of the two reads. Thread-safe.
 *
 * <p>When it drains it reads no more, and waits until what it has read is answered, which shows in nothing
 * being written for a while.
 */
final class SharedChannel extends ServedChannel {
    private static final int STEPS = 4;

    private final Duration quiet;
    private volatile @Nullable Run run;
    /** It may have read something that is not answered yet. */
    private volatile boolean hasRun;

    SharedChannel(Upgrader upgrader, Binder binder, Channel channel, Reservation reservation, Duration quiet) {
        super(upgrader, binder, channel, reservation);
        this.quiet = quiet;
    }

    @Override
    public void received(ChannelHandlerContext ctx, Object message) {
        ctx.fireChannelRead(message);
    }

    @Override
    void whenGone() {
        if (!isReleased()) {
            upgrader().unregister(this);
        }
    }

    @Override
    public CompletionStage<?> resume() {
        replaceRun(null);
        hasRun = true;
        return moveGate(true);
    }

    @Override
    public CompletionStage<?> retire() {
        return whenQueueIsEmpty(() -> {}).thenCompose(done -> moveGate(false));
    }

    @Override
    public CompletionStage<DrainReport> drain(Duration timeout) {
        Run next = new Run(timeout);
        replaceRun(next);
        moveGate(false).thenCompose(done -> onLoop(next::begin)).whenComplete((done, failure) -> next.beganOr(failure));
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
        markReleased();
        Run current = run;
        if (current != null) {
            closeAfter(current);
        } else if (!hasRun) {
            channel().close();
        }
        return closed();
    }

    private void closeAfter(Run drain) {
        drain.report.whenComplete((report, failure) -> channel().close());
    }

    private final class Run {
        private final RunningDrain event;
        private final long begun = System.nanoTime();
        private final CompletableFuture<DrainReport> report = new CompletableFuture<>();

        Run(Duration timeout) {
            event = new RunningDrain(timeout);
            CompletableFuture<Void> timer = new CompletableFuture<>();
            timer.completeOnTimeout(null, timeout.toNanos(), NANOSECONDS).thenRun(() -> end(false));
            report.whenComplete((done, failure) -> timer.cancel(false));
        }

        /** On the loop. */
        void begin() {
            gate().written(); // what was read just now is not answered yet
            event.fireThrough(channel());
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
            report.complete(
                    built.protocol(event.protocolOf(channel()), built.build()).build());
        }
    }
}
