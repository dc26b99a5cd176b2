package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.DrainReport;
import io.tableflip.core.Participant;
import io.tableflip.core.log.Log;
import io.tableflip.core.observe.Observer;
import io.tableflip.core.transfer.OutgoingTransfer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The drain of this process. Only for the thread of the loop.
 *
 * <p>It has two ends. This process is <em>quiesced</em> when its participants have paused and what has to end
 * before the commit has ended: then the parent may say DRAINED. The drain is <em>complete</em> when nothing
 * is left: then the process may exit. For participants whose connections all have to leave, the second end
 * comes first.
 */
final class Draining {
    private static final System.Logger LOG = Log.get();

    private static final Duration OBSERVED_EVERY = Duration.ofSeconds(1);

    /** The log shows each fifth of these looks. */
    private static final int LOGGED_EVERY = 5;

    /** How long a participant may take to end its drain after the drain timeout. */
    private static final Duration OVERRUN_LIMIT = Duration.ofSeconds(5);

    private final Context context;
    private final Loop loop;
    private final Participants participants;
    private @Nullable CompletableFuture<DrainReport> running;
    /** The part of it that comes before the commit. */
    private CompletableFuture<DrainReport> early = CompletableFuture.completedFuture(DrainReport.NOTHING);
    /**
     * The part of it that only begins with the commit: what the child does not serve, and what is
     * transferred.
     */
    private CompletableFuture<DrainReport> late = early;

    /** That part has begun. */
    private boolean lateBegun;

    /** Where connections go, once the child is the service; {@code null} if there are none that do. */
    private @Nullable OutgoingTransfer transfer;

    private long began;

    /** By the calendar, for people. */
    private Instant ends = Instant.EPOCH;
    /** Since it began. */
    private int looks;

    Draining(Context context, Participants participants) {
        this.context = context;
        loop = context.loop();
        this.participants = participants;
    }

    /**
     * Begins to drain unless this process drains already; those participants that the child does not serve
     * too. Completes at the drain timeout at the latest.
     */
    CompletableFuture<DrainReport> complete() {
        CompletableFuture<DrainReport> all = running == null ? begin() : running;
        if (!late.isDone() && !lateBegun) {
            lateBegun = true;
            Duration elapsed = Duration.ofNanos(context.settings().clock().getAsLong() - began);
            Duration left = context.settings().drainTimeout().minus(elapsed);
            participants
                    .drainLate(left.isNegative() ? Duration.ZERO : left, transfer)
                    .thenAccept(late::complete);
        }
        endTransfer(CompletableFuture.anyOf(late, all));
        return all;
    }

    /**
     * The child is the service.
     *
     * @param channel {@code null} if it takes no connections
     */
    void transferTo(@Nullable OutgoingTransfer channel) {
        transfer = channel;
        if (channel != null && participants.areTransferring()) {
            try {
                channel.begin();
            } catch (OutOfMemoryError e) {
                LOG.log(WARNING, "no connections are transferred, all are drained: there is no thread for it", e);
                channel.end();
            }
        }
    }

    /** Tells the child that nothing more comes, as soon as that is so. */
    private void endTransfer(CompletableFuture<?> last) {
        OutgoingTransfer channel = transfer;
        transfer = null;
        if (channel != null) {
            last.thenRun(channel::end);
        }
    }

    /**
     * Begins to drain unless this process drains already.
     *
     * @param paused completes when the participants have paused
     * @return completes when the parent may say DRAINED
     */
    CompletableFuture<Void> quiesced(CompletableFuture<?> paused) {
        if (running == null) {
            begin();
        }
        return CompletableFuture.allOf(paused, early);
    }

    private CompletableFuture<DrainReport> begin() {
        Duration timeout = context.settings().drainTimeout();
        began = context.settings().clock().getAsLong();
        ends = Instant.now().plus(timeout);
        looks = -1; // the first one comes with the beginning
        context.observers().tell(Observer::drainBegan);
        lateBegun = false;
        early = participants.drain(timeout).copy();
        late = participants.areKept() || participants.areTransferring()
                ? new CompletableFuture<>()
                : CompletableFuture.completedFuture(DrainReport.NOTHING);
        CompletableFuture<DrainReport> drained = early.thenCombine(late, DrainReport::plus);
        running = drained;
        observe(drained);
        loop.schedule(timeout.plus(OVERRUN_LIMIT), () -> {
            if (drained == running && drained.complete(DrainReport.NOTHING)) {
                LOG.log(WARNING, "a participant does not end its drain, it is not waited for any longer");
            }
        });
        drained.thenAcceptAsync(report -> completed(drained, report), loop);
        return drained;
    }

    private void observe(CompletableFuture<DrainReport> drained) {
        if (drained != running || drained.isDone()) {
            return;
        }
        List<Participant> draining = participants.all();
        IntSupplier remaining =
                () -> draining.stream().mapToInt(Participant::remaining).sum();
        context.observers().tell(observer -> observer.draining(remaining, ends));
        looks++;
        if (looks > 0 && looks % LOGGED_EVERY == 0) {
            long left = Math.max(0, Duration.between(Instant.now(), ends).toSeconds());
            context.workers()
                    .execute(() -> LOG.log(
                            INFO,
                            "draining: {0} connections are left, and cut in {1} s",
                            Integer.toString(remaining.getAsInt()),
                            Long.toString(left)));
        }
        loop.schedule(OBSERVED_EVERY, () -> observe(drained));
    }

    private void completed(CompletableFuture<DrainReport> which, DrainReport report) {
        if (which == running) {
            LOG.log(report.forced() > 0 ? WARNING : INFO, "drained: {0}", report);
            context.observers().tell(observer -> observer.drained(report));
        }
    }

    /** A rollback: resuming the participants ends their drain, and nobody wants its report. */
    void cancel() {
        running = null;
    }
}
