package io.tableflip.netty;

import io.tableflip.core.DrainReport;
import io.tableflip.core.ExitReason;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Fds;
import io.tableflip.core.Participant;
import io.tableflip.core.State;
import io.tableflip.core.Upgrader;
import io.tableflip.core.WarmUp;
import io.tableflip.core.testing.TestSeam;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Holds what is registered, and makes the calls of an upgrade or a stop when a test says so. */
public final class FakeUpgrader implements Upgrader {
    private static final TestSeam CORE = TestSeam.open();

    public final Set<Participant> participants = ConcurrentHashMap.newKeySet();
    public final List<Throwable> failures = new CopyOnWriteArrayList<>();
    public final CompletableFuture<Void> parentExited = new CompletableFuture<>();
    public volatile boolean supported = true;
    private final Fds fds;

    public FakeUpgrader() {
        this(Map.of());
    }

    public FakeUpgrader(Map<FdName, Integer> inherited) {
        fds = CORE.inherited(inherited);
    }

    /** As an upgrade does when it begins. */
    public Map<FdName, FdSource> passFds() {
        return CORE.pass(fds);
    }

    /** As an upgrade does when it has failed. */
    public void takeBackFds() {
        CORE.rollBack(fds);
    }

    /** As {@link Upgrader#ready()} does it. */
    public void closeUnclaimedFds() {
        CORE.closeUnclaimed(fds);
    }

    public void resume() throws Exception {
        each(Participant::resume);
    }

    public void pause() throws Exception {
        each(Participant::pause);
    }

    public void release() throws Exception {
        each(Participant::release);
    }

    /** Begins the drain of all, in one. */
    public CompletableFuture<DrainReport> drain(Duration timeout) {
        CompletableFuture<DrainReport> all = CompletableFuture.completedFuture(DrainReport.NOTHING);
        for (Participant participant : participants) {
            all = all.thenCombine(participant.drain(timeout), DrainReport::plus);
        }
        return all;
    }

    private void each(Function<Participant, CompletionStage<?>> call) throws Exception {
        for (Participant participant : participants) {
            call.apply(participant).toCompletableFuture().get(10, TimeUnit.SECONDS);
        }
    }

    @Override
    public Fds fds() {
        return fds;
    }

    @Override
    public boolean hasParent() {
        return false;
    }

    @Override
    public int generation() {
        return 1;
    }

    @Override
    public boolean isSupported() {
        return supported;
    }

    @Override
    public State state() {
        return State.INITIALIZING;
    }

    @Override
    public void register(Participant participant) {
        participants.add(participant);
    }

    @Override
    public void unregister(Participant participant) {
        participants.remove(participant);
    }

    @Override
    public void reportFailure(Throwable cause) {
        failures.add(cause);
    }

    @Override
    public CompletableFuture<Void> ready() {
        throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> ready(WarmUp warmUp, Duration limit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Long> upgrade() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void stop() {
        throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<ExitReason> exit() {
        throw new UnsupportedOperationException();
    }

    @Override
    public ExitReason awaitExit() {
        throw new UnsupportedOperationException();
    }

    @Override
    public Optional<ExitReason> awaitExit(Duration timeout) {
        throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> parentExited() {
        return parentExited;
    }

    @Override
    public CompletableFuture<Void> parentPaused() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
