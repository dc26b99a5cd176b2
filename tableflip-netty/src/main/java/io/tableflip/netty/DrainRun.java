package io.tableflip.netty;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.Channel;
import io.tableflip.core.DrainReport;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * One drain of the connections of one listener, from the first event to the last close. Thread-safe.
 *
 * <p>At the timeout what is left is closed through its pipeline; what is still open a second later is closed without asking
 * its handlers, and the drain is over in any case, even if an event loop is blocked.
 */
final class DrainRun {
    private static final Duration CUT_GRACE = Duration.ofSeconds(1);

    private enum Outcome {
        FINISHED,
        IDLE,
        FORCED
    }

    private final long begun = System.nanoTime();
    private final DrainEvent event;
    private final CompletableFuture<DrainReport> report = new CompletableFuture<>();
    /** Completes, on time or never, when the next step of cutting off is due. */
    private volatile CompletableFuture<Void> timer = new CompletableFuture<>();

    private final Map<Child, Outcome> pending = new HashMap<>(); // guarded by this
    private final Map<Outcome, Long> counts = new EnumMap<>(Outcome.class); // guarded by this

    DrainRun(Duration timeout) {
        event = new DrainEvent(timeout);
    }

    CompletableFuture<DrainReport> report() {
        return report;
    }

    void begin(Collection<Child> children) {
        synchronized (this) {
            if (event.isCancelled()) {
                return;
            }
            children.forEach(child -> pending.put(child, Outcome.FINISHED));
        }
        after(event.remaining(), this::cut);
        for (Child child : children) {
            child.ask(event);
            child.gone().thenRun(() -> gone(child));
        }
        completeIfDone();
    }

    /** Calls the drain off. It is over with what has ended so far. */
    void cancel() {
        event.cancel();
        synchronized (this) {
            pending.clear();
        }
        completeIfDone();
    }

    private void cut() {
        after(CUT_GRACE, this::giveUp);
        for (Child child : pending()) {
            if (!child.channel().isRegistered()) {
                cutUnregistered(child);
            } else if (!Tasks.tryExecute(child.channel(), () -> cutOnLoop(child))) {
                gone(child);
            }
        }
    }

    private void cutOnLoop(Child child) {
        if (event.isCancelled()) {
            return;
        }
        Outcome outcome = event.isIdle(child.channel()) ? Outcome.IDLE : Outcome.FORCED;
        synchronized (this) {
            pending.replace(child, outcome);
        }
        child.channel().close();
    }

    /** One that its loop never took up, or that was closed before: then its close future never completes. */
    private void cutUnregistered(Child child) {
        synchronized (this) {
            pending.replace(child, child.channel().isOpen() ? Outcome.FORCED : Outcome.FINISHED);
        }
        child.channel().unsafe().closeForcibly();
        child.checkOpen();
    }

    private void giveUp() {
        for (Child child : pending()) {
            Channel channel = child.channel();
            Tasks.tryExecute(channel, () -> channel.unsafe().close(channel.voidPromise()));
            synchronized (this) {
                pending.replace(child, Outcome.FINISHED, Outcome.FORCED);
            }
            gone(child);
        }
    }

    private void after(Duration time, Runnable step) {
        CompletableFuture<Void> next = new CompletableFuture<Void>();
        timer = next;
        if (report.isDone()) {
            return;
        }
        next.completeOnTimeout(null, time.toNanos(), NANOSECONDS).thenRun(step);
    }

    private void gone(Child child) {
        synchronized (this) {
            Outcome outcome = pending.remove(child);
            if (outcome != null) {
                counts.merge(outcome, 1L, Long::sum);
            }
        }
        completeIfDone();
    }

    private synchronized List<Child> pending() {
        return List.copyOf(pending.keySet());
    }

    private void completeIfDone() {
        DrainReport.Builder built = DrainReport.builder();
        synchronized (this) {
            if (!pending.isEmpty()) {
                return;
            }
            built.finished(count(Outcome.FINISHED)).idle(count(Outcome.IDLE)).forced(count(Outcome.FORCED));
        }
        built.told(event.toldCount()).elapsed(Duration.ofNanos(System.nanoTime() - begun));
        report.complete(built.build());
        timer.cancel(false);
    }

    private long count(Outcome outcome) {
        return counts.getOrDefault(outcome, 0L);
    }
}
