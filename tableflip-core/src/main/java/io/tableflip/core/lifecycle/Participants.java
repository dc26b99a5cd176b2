package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.Participant;
import io.tableflip.core.log.Log;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The participants, and whether they run. Only for the thread of the lifecycle. Their methods are called on
 * other threads, one after the other for each participant, so that one that blocks holds up neither the
 * lifecycle nor the others.
 */
final class Participants {
    private static final System.Logger LOG = Log.get();

    private enum Phase {
        PAUSED,
        RUNNING,
        RELEASED
    }

    private final Executor loop;
    private final Executor threads;

    /** Each with the end of the call that was made last; by identity, whatever equals says. */
    private final Map<Key, CompletableFuture<?>> lastCalls = new LinkedHashMap<>();

    /**
     * Those of participants that were taken out and whose last call may not have returned yet: one that is
     * added again waits for it.
     */
    private final Map<Key, CompletableFuture<?>> leftCalls = new HashMap<>();

    /** Those that the child does not serve: they go on until the commit. */
    private final Set<Key> kept = new LinkedHashSet<>();

    private Phase phase = Phase.PAUSED;

    /**
     * @param loop the thread of the lifecycle
     * @param threads on which a call that blocks holds up no other
     */
    Participants(Executor loop, Executor threads) {
        this.loop = loop;
        this.threads = threads;
    }

    private record Key(Participant participant) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && key.participant == participant;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(participant);
        }
    }

    void add(Participant participant) {
        Key key = new Key(participant);
        if (lastCalls.containsKey(key)) {
            return;
        }
        CompletableFuture<?> left = leftCalls.remove(key);
        lastCalls.put(key, left == null ? CompletableFuture.completedFuture(null) : left);
        switch (phase) {
            case PAUSED -> {}
            case RUNNING -> call(key, "resume", Participant::resume);
            case RELEASED -> call(key, "release", Participant::release);
        }
    }

    void remove(Participant participant) {
        Key key = new Key(participant);
        CompletableFuture<?> last = lastCalls.remove(key);
        kept.remove(key);
        leftCalls.values().removeIf(CompletableFuture::isDone);
        if (last != null && !last.isDone()) {
            leftCalls.put(key, last);
        }
    }

    /** Those that serve nothing but these descriptors are not paused, until they {@link #retire}. */
    void keep(Set<FdName> unserved) {
        for (Key key : lastCalls.keySet()) {
            Set<FdName> serves = serves(key.participant);
            if (!serves.isEmpty() && unserved.containsAll(serves)) {
                kept.add(key);
            }
        }
    }

    private static Set<FdName> serves(Participant participant) {
        try {
            return participant.serves();
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, "serves failed: " + participant, e);
            return Set.of();
        }
    }

    boolean areKept() {
        return !kept.isEmpty();
    }

    /** Has those that were kept end their work and release. */
    CompletableFuture<DrainReport> retire(Duration timeout) {
        CompletableFuture<DrainReport> all = CompletableFuture.completedFuture(DrainReport.NOTHING);
        for (Key key : List.copyOf(kept)) {
            CompletableFuture<DrainReport> ended = call(key, "retire", Participant::retire)
                    .thenComposeAsync(done -> drainAndRelease(key, timeout), loop);
            all = all.thenCombine(ended, DrainReport::plus);
        }
        kept.clear();
        return all;
    }

    private CompletableFuture<DrainReport> drainAndRelease(Key key, Duration timeout) {
        CompletableFuture<DrainReport> drained = drain(key, timeout);
        return call(key, "release", Participant::release).thenCombine(drained, (released, report) -> report);
    }

    private CompletableFuture<DrainReport> drain(Key key, Duration timeout) {
        CompletableFuture<DrainReport> drained = new CompletableFuture<>();
        call(
                        key,
                        "drain",
                        participant -> participant
                                .drain(timeout)
                                .whenComplete((report, failure) -> drained.complete(orNothing(report))))
                .whenComplete((done, failure) -> drained.complete(DrainReport.NOTHING));
        return drained;
    }

    private static DrainReport orNothing(@Nullable DrainReport report) {
        return report == null ? DrainReport.NOTHING : report;
    }

    /** All that work only in one process at a time. */
    private List<Key> others() {
        return lastCalls.keySet().stream().filter(key -> !kept.contains(key)).toList();
    }

    CompletableFuture<Void> pause() {
        phase = Phase.PAUSED;
        return callAll("pause", Participant::pause);
    }

    CompletableFuture<Void> resume() {
        phase = Phase.RUNNING;
        CompletableFuture<Void> resumed = callAll("resume", Participant::resume);
        kept.clear();
        return resumed;
    }

    /** Resumes them for the first time. */
    List<FirstResume> begin() {
        phase = Phase.RUNNING;
        return List.copyOf(lastCalls.keySet()).stream()
                .map(key -> new FirstResume(key.participant, invokeNext(key, Participant::resume)))
                .toList();
    }

    /** The first call of resume. For any thread. */
    record FirstResume(Participant participant, CompletableFuture<?> call) {
        /** Completes when the call has ended, well or not. */
        CompletableFuture<?> ended() {
            return call.handle((done, failure) -> failure);
        }

        /** Why the participant does not run; empty if it does. */
        Optional<String> problem() {
            if (!call.isDone()) {
                return Optional.of("participant " + participant + " has not ended its resume()");
            }
            Throwable failure = call.handle((done, thrown) -> thrown).join();
            return failure == null
                    ? Optional.empty()
                    : Optional.of("resume() of participant " + participant + " failed: "
                            + Failures.message(Failures.unwrap(failure)));
        }
    }

    CompletableFuture<Void> release() {
        phase = Phase.RELEASED;
        return callAll("release", Participant::release);
    }

    /** All of them, for other threads. */
    List<Participant> all() {
        return lastCalls.keySet().stream().map(Key::participant).toList();
    }

    /**
     * Has all of them acquire what serving needs.
     *
     * @return completes when all have; fails as soon as one has failed
     */
    CompletableFuture<Void> acquire() {
        List<CompletableFuture<?>> calls = new ArrayList<>();
        for (Key key : List.copyOf(lastCalls.keySet())) {
            calls.add(invokeNext(key, Participant::acquire));
        }
        CompletableFuture<Void> acquired = all(calls);
        for (CompletableFuture<?> call : calls) {
            call.whenComplete((done, failure) -> {
                if (failure != null) {
                    acquired.completeExceptionally(failure);
                }
            });
        }
        return acquired;
    }

    private static CompletableFuture<Void> all(List<CompletableFuture<?>> calls) {
        return CompletableFuture.allOf(calls.toArray(new CompletableFuture<?>[0]));
    }

    boolean areRunning() {
        return phase == Phase.RUNNING;
    }

    /** Completes, with the reports of all in one, when all have drained but for those that are kept. */
    CompletableFuture<DrainReport> drain(Duration timeout) {
        CompletableFuture<DrainReport> all = CompletableFuture.completedFuture(DrainReport.NOTHING);
        for (Key key : others()) {
            all = all.thenCombine(drain(key, timeout), DrainReport::plus);
        }
        return all;
    }

    private CompletableFuture<Void> callAll(String name, Function<Participant, CompletionStage<?>> method) {
        List<CompletableFuture<?>> calls = new ArrayList<>();
        for (Key key : others()) {
            calls.add(call(key, name, method));
        }
        return all(calls);
    }

    /**
     * Calls when the call before has returned (its stage may still run). The future completes with the stage,
     * and never fails.
     */
    private CompletableFuture<?> call(Key key, String name, Function<Participant, CompletionStage<?>> method) {
        return invokeNext(key, method).handle((done, failure) -> {
            if (failure != null) {
                LOG.log(WARNING, name + " failed: " + key.participant, failure);
            }
            return null;
        });
    }

    private CompletableFuture<?> invokeNext(Key key, Function<Participant, CompletionStage<?>> method) {
        CompletableFuture<?> before = lastCalls.getOrDefault(key, CompletableFuture.completedFuture(null));
        CompletableFuture<CompletionStage<?>> returned =
                before.handleAsync((done, failure) -> invoke(key, method), threads);
        lastCalls.replace(key, returned);
        return returned.thenCompose(stage -> stage);
    }

    private static CompletionStage<?> invoke(Key key, Function<Participant, CompletionStage<?>> method) {
        try {
            return method.apply(key.participant);
        } catch (RuntimeException | Error e) {
            return CompletableFuture.failedFuture(e);
        }
    }
}
