package io.tableflip.netty;

import static java.lang.System.Logger.Level.WARNING;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.EventLoop;
import io.tableflip.core.DrainReport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * One drain of the connections of one listener, from the first event to the last close. Thread-safe.
 *
 * <p>At the timeout what is left is closed through its pipeline; what is still open a second later is closed without asking
 * its handlers, and the drain is over in any case, even if an event loop is blocked.
 */
final class DrainRun {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

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
    /** No further ones will come. */
    private boolean complete; // guarded by this

    /** The time is up: further ones are closed at once. */
    private boolean cutting; // guarded by this

    private final Map<Outcome, Long> counts = new EnumMap<>(Outcome.class); // guarded by this

    DrainRun(Duration timeout) {
        event = new DrainEvent(timeout);
    }

    CompletableFuture<DrainReport> report() {
        return report;
    }

    /** Starts the clock and asks the connections that are known so far. */
    void begin(Collection<Child> children) {
        guarded(() -> {
            after(event.remaining(), this::cut);
            ask(children);
        });
    }

    /** No connections will come any more but these, some of which may be known. */
    void complete(Collection<Child> children) {
        guarded(() -> {
            ask(children);
            allKnown();
        });
    }

    /** Calls the drain off. It is over with what has ended so far. */
    void cancel() {
        event.cancel();
        synchronized (this) {
            pending.clear();
        }
        allKnown();
    }

    private void ask(Collection<Child> children) {
        List<Child> added = new ArrayList<>();
        boolean late;
        synchronized (this) {
            late = cutting;
            for (Child child : children) {
                if (!event.isCancelled()
                        && !child.gone().isDone()
                        && pending.putIfAbsent(child, Outcome.FINISHED) == null) {
                    added.add(child);
                }
            }
        }
        added.forEach(child -> child.attach(event));
        onLoops(added, Child::deliver);
        // It may have gone before it was pending.
        added.stream().filter(child -> child.gone().isDone()).forEach(this::gone);
        if (late) {
            cut(added);
        }
    }

    private void allKnown() {
        synchronized (this) {
            complete = true;
        }
        completeIfDone();
    }

    /** One task for each loop, since there may be many connections. */
    private static void onLoops(Collection<Child> children, Consumer<Child> step) {
        Map<EventLoop, List<Child>> byLoop = new HashMap<>();
        for (Child child : children) {
            if (child.channel().isRegistered()) {
                byLoop.computeIfAbsent(child.channel().eventLoop(), loop -> new ArrayList<>())
                        .add(child);
            }
        }
        byLoop.forEach(
                (loop, those) -> Tasks.execute(loop, () -> those.forEach(step), () -> those.forEach(Child::loopEnded)));
    }

    private void guarded(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, "drain given up", e);
            giveUp();
        }
    }

    private void cut() {
        after(CUT_GRACE, this::giveUp);
        List<Child> children;
        synchronized (this) {
            cutting = true;
            children = pending();
        }
        guarded(() -> cut(children));
    }

    private void cut(Collection<Child> children) {
        children.stream().filter(child -> !child.channel().isRegistered()).forEach(this::cutUnregistered);
        onLoops(children, this::cutOnLoop);
    }

    private void cutOnLoop(Child child) {
        if (event.isCancelled()) {
            return;
        }
        Outcome outcome = event.isFinished(child.channel())
                ? Outcome.FINISHED
                : event.isIdle(child.channel()) ? Outcome.IDLE : Outcome.FORCED;
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
        List<Child> children = pending();
        onLoops(
                children,
                child -> child.channel().unsafe().close(child.channel().voidPromise()));
        for (Child child : children) {
            synchronized (this) {
                pending.replace(child, Outcome.FINISHED, Outcome.FORCED);
            }
            gone(child);
        }
        allKnown();
    }

    private void after(Duration time, Runnable step) {
        CompletableFuture<Void> next = new CompletableFuture<Void>();
        timer = next;
        if (report.isDone()) {
            return;
        }
        next.completeOnTimeout(null, time.toNanos(), NANOSECONDS).thenRun(step);
    }

    /** One that is closed, or that nobody can close. */
    void gone(Child child) {
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
            if (!complete || !pending.isEmpty()) {
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
