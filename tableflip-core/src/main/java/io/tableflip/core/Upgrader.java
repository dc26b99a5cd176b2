package io.tableflip.core;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * Replaces the running process by a new copy of itself without closing its listening sockets.
 *
 * <p>At any time one or two processes exist, at most one of them not ready. There is one upgrader in a process. All
 * methods are thread-safe; none but {@link #awaitExit} blocks. What hangs on the futures runs on threads of the upgrader
 * that may be blocked.
 */
public interface Upgrader extends AutoCloseable {
    /** Begins to describe an upgrader. */
    static UpgraderBuilder builder() {
        return new UpgraderBuilder();
    }

    /** The descriptors that came from the parent, and those that go to the child. */
    Fds fds();

    /** Whether this process was spawned by an upgrade (and not started by hand or by a service manager). */
    boolean hasParent();

    /** The number of this process in the chain of upgrades: 1, 2, 3 and so on; 1 again after a parent that does not count (level 1). */
    int generation();

    /** Whether {@link #upgrade()} can work on this platform; {@code false} only for a stub. */
    boolean isSupported();

    /** The state at this moment. */
    State state();

    /**
     * Adds a part of the program that is to be paused, drained, resumed and released with the process. It begins
     * paused. One that is added while the process is {@link State#SERVING} is resumed at once; one that is added when
     * the process is leaving is released at once.
     */
    void register(Participant participant);

    /** Takes a participant out; it gets no more calls. One that was never registered is ignored. */
    void unregister(Participant participant);

    /**
     * Says that this process has initialised. Participants are resumed, the parent is asked to leave, and the PID file is
     * put in place. Descriptors that were inherited and not claimed are closed after that. A second call does nothing but
     * return a future of the same.
     *
     * @return completes when this process is the service. Fails with an {@link UpgradeException} when the parent has
     *     given this child up, with an {@link java.io.IOException} that names the PID file, and is caused by a
     *     {@link SystemCallException}, when that cannot be written, with an {@link IllegalStateException} after {@link #stop()}. But for the last, {@link #exit()} then fails with the same
     */
    CompletableFuture<Void> ready();

    /**
     * As {@link #ready()}, but a process that was spawned by an upgrade warms up first, while its parent serves on. Nothing is
     * waited for that matters more: a first generation does not warm up, since nobody serves meanwhile; a child whose parent dies
     * takes over at once. A warm-up that fails is logged and changes nothing.
     *
     * @param warmUp runs on a thread of its own
     * @param limit how long it may take before this process takes over all the same; well within the upgrade timeout
     * @throws IllegalArgumentException if the limit is negative, or not below the upgrade timeout
     */
    CompletableFuture<Void> ready(WarmUp warmUp, Duration limit);

    /**
     * Spawns a new copy of this process and hands over to it.
     *
     * @return completes with the process id of the child when the child is the service. Fails with an
     *     {@link UpgradeException} when the upgrade was refused or has failed; this process then serves on
     */
    CompletableFuture<Long> upgrade();

    /**
     * Ends the service: listening sockets are closed, connections drained, socket paths and the PID file removed.
     * A child that has not taken over is killed first; one that has is told to stop too. Does nothing if the process
     * is leaving already.
     */
    void stop();

    /**
     * Completes when the process should end: it was upgraded or stopped, and has drained. Fails if {@link #ready()}
     * failed. From then on the exit deadline runs.
     */
    CompletableFuture<Void> exit();

    /**
     * Blocks until {@link #exit()} completes; {@code main} waits here. Never call it on an event loop.
     *
     * @throws InterruptedException if the thread is interrupted while it waits
     * @throws IllegalStateException if {@link #ready()} failed; the cause says why
     */
    void awaitExit() throws InterruptedException;

    /**
     * As {@link #awaitExit()}, for a limited time.
     *
     * @return whether the process should end
     */
    boolean awaitExit(Duration timeout) throws InterruptedException;

    /** Completes when the parent has gone, at once if there was none. Its process id may exist a moment longer. */
    CompletableFuture<Void> parentExited();

    /**
     * Completes when all participants of the parent have paused, at once if there was no parent; a listener with an overlap is not waited for. What both
     * processes would read from, an established connection, must not be read here before. That is while {@link #ready()} is under way; completes when this process
     * is the service at the latest, since a parent of level 1 says nothing, nor one whose participants take longer than {@code readyAfter} and a
     * second to pause. Does not complete in a child that does not become the service.
     */
    CompletableFuture<Void> parentPaused();

    /**
     * Notes why initialisation is failing. When this process closes the upgrader, or ends, before it was ready,
     * {@link #upgrade()} in the parent fails with these words, "bind 0.0.0.0:9090: Address already in use" rather than "exit
     * status 1". The last one counts. Has no effect once the process is ready or without a parent.
     */
    void reportFailure(Throwable cause);

    /** {@linkplain #stop() Stops}, unless the process is leaving already. Does not wait. A child that is not ready tells its parent. */
    @Override
    void close();
}
