package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.Participant;
import io.tableflip.core.log.Log;
import io.tableflip.core.transfer.OutgoingTransfer;
import io.tableflip.core.transfer.TransferParticipant;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

    /** Those whose connections go to the child after the commit, by the positions of their listeners. */
    private final Map<Key, Integer> transferring = new LinkedHashMap<>();

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
        transferring.remove(key);
        leftCalls.values().removeIf(CompletableFuture::isDone);
        if (last != null && !last.isDone()) {
            leftCalls.put(key, last);
        }
    }

    /** Those that serve nothing but these descriptors are not paused, until they {@link #drainLate}. */
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

    /** Whether one of them may have connections that can go to a child. */
    boolean canTransfer() {
        return lastCalls.keySet().stream()
                .anyMatch(key -> key.participant instanceof TransferParticipant participant && participant.transfers());
    }

    /**
     * The connections of the listeners with these names, which have these positions, go to the child after
     * the commit.
     */
    void transfer(Map<FdName, Integer> takes) {
        for (Key key : lastCalls.keySet()) {
            if (key.participant instanceof TransferParticipant participant && participant.transfers()) {
                serves(participant).stream()
                        .map(takes::get)
                        .filter(Objects::nonNull)
                        .findFirst()
                        .ifPresent(position -> transferring.put(key, position));
            }
        }
    }

    boolean areTransferring() {
        return !transferring.isEmpty();
    }

    /**
     * What only begins with the commit, or with a stop: has those that were kept end their work and release,
     * and those that transfer do that.
     *
     * @param to {@code null} if nobody takes connections
     */
    CompletableFuture<DrainReport> drainLate(Duration timeout, @Nullable OutgoingTransfer to) {
        CompletableFuture<DrainReport> all = CompletableFuture.completedFuture(DrainReport.NOTHING);
        for (Key key : List.copyOf(kept)) {
            CompletableFuture<DrainReport> ended = call(key, "retire", Participant::retire)
                    .thenComposeAsync(done -> drainAndRelease(key, timeout), loop);
            all = all.thenCombine(ended, DrainReport::plus);
        }
        kept.clear();
        for (Map.Entry<Key, Integer> entry : Map.copyOf(transferring).entrySet()) {
            CompletableFuture<DrainReport> ended = to == null
                    ? drain(entry.getKey(), timeout)
                    : reported(
                            entry.getKey(),
                            "transfer",
                            participant ->
                                    ((TransferParticipant) participant).transfer(timeout, to.sender(entry.getValue())));
            all = all.thenCombine(ended, DrainReport::plus);
        }
        transferring.clear();
        return all;
    }

    private CompletableFuture<DrainReport> drainAndRelease(Key key, Duration timeout) {
        CompletableFuture<DrainReport> drained = drain(key, timeout);
        return call(key, "release", Participant::release).thenCombine(drained, (released, report) -> report);
    }

    private CompletableFuture<DrainReport> drain(Key key, Duration timeout) {
        return reported(key, "drain", participant -> participant.drain(timeout));
    }

    /** Calls; completes with the report, or with an empty one if the call fails. */
    private CompletableFuture<DrainReport> reported(
            Key key, String name, Function<Participant, CompletionStage<DrainReport>> method) {
        CompletableFuture<DrainReport> reported = new CompletableFuture<>();
        call(
                        key,
                        name,
                        participant -> method.apply(participant)
                                .whenComplete((report, failure) -> reported.complete(orNothing(report))))
                .whenComplete((done, failure) -> reported.complete(DrainReport.NOTHING));
        return reported;
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
        transferring.clear();
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

    /**
     * Completes, with the reports of all in one, when all have drained but for those that are kept, and for
     * connections that will be transferred.
     */
    CompletableFuture<DrainReport> drain(Duration timeout) {
        CompletableFuture<DrainReport> all = CompletableFuture.completedFuture(DrainReport.NOTHING);
        for (Key key : others()) {
            CompletableFuture<DrainReport> drained = transferring.containsKey(key)
                    ? reported(key, "drain", participant -> ((TransferParticipant) participant).drainOthers(timeout))
                    : drain(key, timeout);
            all = all.thenCombine(drained, DrainReport::plus);
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
