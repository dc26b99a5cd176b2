package io.tableflip.netty;

import static java.lang.System.Logger.Level.WARNING;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

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
    /** Asks and closes over time what is spread. */
    private final Spread spread;

    private final Map<Child, Outcome> pending = new HashMap<>(); // guarded by this
    /** No further ones will come. */
    private boolean complete; // guarded by this

    /** The time is up: further ones are closed at once. */
    private boolean cutting; // guarded by this

    /** What became of those that have gone, by protocol. */
    private final Map<String, Map<Outcome, Long>> counts = new HashMap<>(); // guarded by this

    /** The connections near the timeout are closed over time; set when the first connection is known. */
    private boolean windowKnown; // guarded by this

    DrainRun(Duration timeout) {
        event = new DrainEvent(timeout);
        spread = new Spread(begun, timeout);
        report.whenComplete((done, failure) -> spread.end());
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
        List<Child> atOnce = spread.deferring(added, this::askOnLoop);
        atOnce.forEach(child -> child.attach(event));
        onLoops(atOnce, Child::deliver);
        // It may have gone before it was pending.
        added.stream().filter(child -> child.gone().isDone()).forEach(this::gone);
        if (late) {
            cut(added);
        } else if (!added.isEmpty()) {
            closeIdleInTime(added.get(0).window());
        }
    }

    private void askOnLoop(Child child) {
        if (!event.isCancelled() && !child.gone().isDone()) {
            child.attach(event);
            child.deliver();
        }
    }

    /** Those of one listener have one window. */
    private void closeIdleInTime(Duration asked) {
        Duration window = spread.limited(asked);
        synchronized (this) {
            if (windowKnown) {
                return;
            }
            windowKnown = true;
        }
        if (!window.isZero()) {
            after(
                    event.remaining().minus(window),
                    () -> guarded(() -> spread.over(pending(), window, this::closeIfIdle)));
        }
    }

    private void closeIfIdle(Child child) {
        if (outcome(child) != Outcome.FORCED) {
            cutOnLoop(child);
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
        Spread.byLoop(children)
                .forEach((loop, those) ->
                        Tasks.execute(loop, () -> those.forEach(step), () -> those.forEach(Child::loopEnded)));
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
        Outcome outcome = outcome(child);
        synchronized (this) {
            pending.replace(child, outcome);
        }
        child.channel().close();
    }

    private Outcome outcome(Child child) {
        if (event.isFinished(child.channel())) {
            return Outcome.FINISHED;
        }
        return event.isIdle(child.channel()) ? Outcome.IDLE : Outcome.FORCED;
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
        CompletableFuture<Void> timer = new CompletableFuture<>();
        timer.completeOnTimeout(null, time.toNanos(), NANOSECONDS).thenRun(step);
        report.whenComplete((done, failure) -> timer.cancel(false));
    }

    /** One that is closed, or that nobody can close. */
    void gone(Child child) {
        synchronized (this) {
            Outcome outcome = pending.remove(child);
            if (outcome != null) {
                counts.computeIfAbsent(DrainEvent.protocolOf(child.channel()), name -> new EnumMap<>(Outcome.class))
                        .merge(outcome, 1L, Long::sum);
            }
        }
        completeIfDone();
    }

    private synchronized List<Child> pending() {
        return List.copyOf(pending.keySet());
    }

    private void completeIfDone() {
        DrainReport all = DrainReport.NOTHING;
        synchronized (this) {
            if (!complete || !pending.isEmpty() || report.isDone()) {
                return;
            }
            Map<String, Long> told = new HashMap<>();
            event.told().forEach(channel -> told.merge(DrainEvent.protocolOf(channel), 1L, Long::sum));
            told.keySet().forEach(protocol -> counts.putIfAbsent(protocol, new EnumMap<>(Outcome.class)));
            for (Map.Entry<String, Map<Outcome, Long>> entry : counts.entrySet()) {
                all = all.plus(counted(entry.getKey(), entry.getValue(), told.getOrDefault(entry.getKey(), 0L)));
            }
        }
        Duration elapsed = Duration.ofNanos(System.nanoTime() - begun);
        report.complete(all.plus(DrainReport.builder().elapsed(elapsed).build()));
    }

    /** The report of one protocol, as a part of the whole. */
    private static DrainReport counted(String protocol, Map<Outcome, Long> outcomes, long told) {
        DrainReport.Builder counted = DrainReport.builder()
                .finished(outcomes.getOrDefault(Outcome.FINISHED, 0L))
                .idle(outcomes.getOrDefault(Outcome.IDLE, 0L))
                .forced(outcomes.getOrDefault(Outcome.FORCED, 0L))
                .told(told);
        DrainReport alone = counted.build();
        return counted.protocol(protocol, alone).build();
    }
}
