package io.tableflip.netty.drain;

import static java.lang.System.Logger.Level.WARNING;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.Channel;
import io.tableflip.core.DrainReport;
import io.tableflip.core.log.Log;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One drain of the connections of one listener, from the first event to the last close. Thread-safe.
 *
 * <p>Every connection is closed by a {@link LingeringClose}. At the timeout what is left is closed through
 * its pipeline; what is still open a second later is closed without asking its handlers, and the drain is
 * over in any case, even if an event loop is blocked.
 */
public final class ListenerDrain {
    private static final System.Logger LOG = Log.get();

    private static final Duration CUT_GRACE = Duration.ofSeconds(1);

    private enum Outcome {
        FINISHED,
        IDLE,
        FORCED
    }

    private final long begun = System.nanoTime();
    private final RunningDrain event;
    private final CompletableFuture<DrainReport> report = new CompletableFuture<>();
    /** Asks and closes over time what is spread. */
    private final Spread spread;

    private final Map<AcceptedConnection, Outcome> pending = new HashMap<>(); // guarded by this
    /** No further ones will come. */
    private boolean complete; // guarded by this

    /** The time is up: further ones are closed at once. */
    private boolean cutting; // guarded by this

    /** What became of those that have gone, by protocol. */
    private final Map<String, Map<Outcome, Long>> counts = new HashMap<>(); // guarded by this

    /** The connections near the timeout are closed over time; set when the first connection is known. */
    private boolean windowKnown; // guarded by this

    /** Why connections have to leave, if only some have to. */
    private final Map<AcceptedConnection, String> reasons = new HashMap<>(); // guarded by this

    /** Those among which there is a choice. */
    private final Map<Channel, AcceptedConnection> known = new HashMap<>(); // guarded by this

    /** Of all connections. */
    public ListenerDrain(Duration timeout) {
        this(timeout, null);
    }

    /**
     * Of some connections; nobody waits for the others.
     *
     * @param reasonToLeave tells on its loop why a connection has to leave, {@code null} if it need not;
     *     {@code null} if all have to
     */
    public ListenerDrain(Duration timeout, @Nullable Function<Channel, @Nullable String> reasonToLeave) {
        event = new RunningDrain(timeout, reasonToLeave == null ? null : channel -> selects(channel, reasonToLeave));
        spread = new Spread(begun, timeout);
        report.whenComplete((done, failure) -> spread.end());
    }

    public CompletableFuture<DrainReport> report() {
        return report;
    }

    /** Starts the clock and asks the connections that are known so far. */
    public void begin(Collection<AcceptedConnection> connections) {
        guarded(() -> {
            after(event.remaining(), this::cut);
            ask(connections);
        });
    }

    /** No connections will come any more but these, some of which may be known. */
    public void complete(Collection<AcceptedConnection> connections) {
        guarded(() -> {
            ask(connections);
            allKnown();
        });
    }

    /** Calls the drain off. It is over with what has ended so far. */
    public void cancel() {
        event.cancel();
        synchronized (this) {
            pending.clear();
        }
        allKnown();
    }

    private boolean selects(Channel channel, Function<Channel, @Nullable String> reasonToLeave) {
        String reason = reasonToLeave.apply(channel);
        synchronized (this) {
            AcceptedConnection connection = known.get(channel);
            if (connection == null) {
                return reason != null;
            }
            if (reason == null) {
                pending.remove(connection);
            } else if (pending.containsKey(connection)) {
                reasons.put(connection, reason);
            }
        }
        if (reason == null) {
            completeIfDone();
        }
        return reason != null;
    }

    /** Whether this connection has to leave, and has not ended. */
    public synchronized boolean isPending(AcceptedConnection connection) {
        return pending.containsKey(connection);
    }

    /** Asks further connections. */
    public void add(Collection<AcceptedConnection> connections) {
        guarded(() -> ask(connections));
    }

    private void ask(Collection<AcceptedConnection> connections) {
        List<AcceptedConnection> added = new ArrayList<>();
        boolean late;
        synchronized (this) {
            late = cutting;
            for (AcceptedConnection connection : connections) {
                if (!event.isCancelled()
                        && !connection.closed().isDone()
                        && pending.putIfAbsent(connection, Outcome.FINISHED) == null) {
                    added.add(connection);
                    if (event.isSelective()) {
                        known.put(connection.channel(), connection);
                    }
                }
            }
        }
        if (event.isSelective()) {
            onLoops(added, this::spare); // those who wait for their turn may not have to leave
        }
        List<AcceptedConnection> atOnce = spread.deferring(added, this::askOnLoop);
        atOnce.forEach(connection -> connection.attach(event));
        onLoops(atOnce, AcceptedConnection::deliver);
        // It may have gone before it was pending.
        added.stream().filter(connection -> connection.closed().isDone()).forEach(this::closed);
        if (late) {
            cut(added);
        } else if (!added.isEmpty()) {
            closeIdleInTime(added.get(0).window());
        }
    }

    private void spare(AcceptedConnection connection) {
        event.selects(connection.channel());
    }

    private void askOnLoop(AcceptedConnection connection) {
        if (!event.isCancelled() && !connection.closed().isDone()) {
            connection.attach(event);
            connection.deliver();
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

    private void closeIfIdle(AcceptedConnection connection) {
        if (outcome(connection) != Outcome.FORCED) {
            cutOnLoop(connection);
        }
    }

    private void allKnown() {
        synchronized (this) {
            complete = true;
        }
        completeIfDone();
    }

    /** One task for each loop, since there may be many connections. */
    private static void onLoops(Collection<AcceptedConnection> connections, Consumer<AcceptedConnection> step) {
        Spread.byLoop(connections)
                .forEach((loop, those) -> LoopTasks.execute(
                        loop, () -> those.forEach(step), () -> those.forEach(AcceptedConnection::loopEnded)));
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
        List<AcceptedConnection> connections;
        synchronized (this) {
            cutting = true;
            connections = pending();
        }
        guarded(() -> cut(connections));
    }

    private void cut(Collection<AcceptedConnection> connections) {
        connections.stream()
                .filter(connection -> !connection.channel().isRegistered())
                .forEach(this::cutUnregistered);
        onLoops(connections, this::cutOnLoop);
    }

    private void cutOnLoop(AcceptedConnection connection) {
        if (event.isCancelled()) {
            return;
        }
        Outcome outcome = outcome(connection);
        synchronized (this) {
            pending.replace(connection, outcome);
        }
        LingeringClose.install(connection.channel(), event);
        connection.channel().close();
    }

    private Outcome outcome(AcceptedConnection connection) {
        if (event.isFinished(connection.channel()) || LingeringClose.isClosing(connection.channel())) {
            return Outcome.FINISHED;
        }
        return event.isIdle(connection.channel()) ? Outcome.IDLE : Outcome.FORCED;
    }

    /** One that its loop never took up, or that was closed before: then its close future never completes. */
    private void cutUnregistered(AcceptedConnection connection) {
        synchronized (this) {
            pending.replace(connection, connection.channel().isOpen() ? Outcome.FORCED : Outcome.FINISHED);
        }
        connection.channel().unsafe().closeForcibly();
        connection.checkOpen();
    }

    private void giveUp() {
        List<AcceptedConnection> connections = pending();
        onLoops(
                connections,
                connection ->
                        connection.channel().unsafe().close(connection.channel().voidPromise()));
        for (AcceptedConnection connection : connections) {
            synchronized (this) {
                pending.replace(connection, Outcome.FINISHED, Outcome.FORCED);
            }
            closed(connection);
        }
        allKnown();
    }

    private void after(Duration time, Runnable step) {
        CompletableFuture<Void> timer = new CompletableFuture<>();
        timer.completeOnTimeout(null, time.toNanos(), NANOSECONDS).thenRun(step);
        report.whenComplete((done, failure) -> timer.cancel(false));
    }

    /** One that is closed, or that nobody can close. */
    public void closed(AcceptedConnection connection) {
        synchronized (this) {
            Outcome outcome = pending.remove(connection);
            known.remove(connection.channel());
            if (outcome != null && event.isUndelivered(connection.channel())) {
                outcome = Outcome.FORCED;
            }
            if (outcome != null) {
                counts.computeIfAbsent(event.protocolOf(connection.channel()), name -> new EnumMap<>(Outcome.class))
                        .merge(outcome, 1L, Long::sum);
            }
        }
        completeIfDone();
    }

    private synchronized List<AcceptedConnection> pending() {
        return List.copyOf(pending.keySet());
    }

    private void completeIfDone() {
        DrainReport all = DrainReport.NOTHING;
        synchronized (this) {
            if (!complete || !pending.isEmpty() || report.isDone()) {
                return;
            }
            Map<String, Long> notified = new HashMap<>();
            event.notified().forEach(channel -> notified.merge(event.protocolOf(channel), 1L, Long::sum));
            notified.keySet().forEach(protocol -> counts.putIfAbsent(protocol, new EnumMap<>(Outcome.class)));
            for (String reason : reasons.values()) {
                all = all.plus(DrainReport.builder().notTransferred(reason, 1).build());
            }
            for (Map.Entry<String, Map<Outcome, Long>> entry : counts.entrySet()) {
                all = all.plus(counted(entry.getKey(), entry.getValue(), notified.getOrDefault(entry.getKey(), 0L)));
            }
        }
        Duration elapsed = Duration.ofNanos(System.nanoTime() - begun);
        report.complete(all.plus(DrainReport.builder().elapsed(elapsed).build()));
    }

    /** The report of one protocol, as a part of the whole. */
    private static DrainReport counted(String protocol, Map<Outcome, Long> outcomes, long notified) {
        DrainReport.Builder counted = DrainReport.builder()
                .finished(outcomes.getOrDefault(Outcome.FINISHED, 0L))
                .idle(outcomes.getOrDefault(Outcome.IDLE, 0L))
                .forced(outcomes.getOrDefault(Outcome.FORCED, 0L))
                .notified(notified);
        DrainReport alone = counted.build();
        return counted.protocol(protocol, alone).build();
    }
}
