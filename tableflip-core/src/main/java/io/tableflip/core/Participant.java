package io.tableflip.core;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A part of the program that works only in one process at a time, or that must finish its work before the
 * process leaves: a server and its connections, a queue consumer, a schedule, a lock.
 *
 * <p>Every participant begins paused. The calls come in these orders:
 *
 * <pre>
 * start, of the first generation or of a child    acquire, resume
 * upgrade that succeeds                           pause, drain … release
 * upgrade whose child does not serve it           retire, drain … release
 * upgrade that is rolled back                     pause, drain … resume
 * final stop                                      release, drain
 * </pre>
 *
 * <p>{@code release} may come before the drain has completed: the drain then goes on. The calls to one
 * participant come one after the other, from a thread of the upgrader. They may block, but
 * only a few participants at a time: return a stage for what takes long. An exception, thrown or in the
 * stage, is logged and changes nothing else, but for those of {@link #acquire()} and of the first
 * {@link #resume()}.
 */
public interface Participant {
    /**
     * Acquires the resources that serving needs: threads, memory, a licence. Called once, after
     * {@link Upgrader#ready()} and before the takeover: the parent still serves. A failure fails
     * {@code ready()}, and in a child the upgrade; the parent then keeps serving. A participant that is
     * registered later is not asked. Does nothing by default.
     *
     * @return completes when everything is there
     */
    default CompletionStage<?> acquire() {
        return CompletableFuture.completedFuture(null);
    }

    /**
     * Takes no new work from now on, and lets go nothing yet: {@link #resume()} must be able to undo it.
     *
     * @return completes when no new work can begin any more
     */
    default CompletionStage<?> pause() {
        return CompletableFuture.completedFuture(null);
    }

    /**
     * The names of the descriptors that this participant serves, if it can go on without others. When the
     * child has claimed none of them, because the new release does not have that listener any more, this
     * participant is not paused at the takeover. It serves until the commit, and is {@linkplain #retire()
     * retired} then. Called from any thread; must not block. By default empty.
     */
    default Set<FdName> serves() {
        return Set.of();
    }

    /**
     * Takes what clients have queued, and then no new work, in place of {@link #pause()}: no other process
     * serves what this participant does. By default the same as {@code pause()}.
     *
     * @return completes when no new work can begin any more
     */
    default CompletionStage<?> retire() {
        return pause();
    }

    /**
     * Finishes the work that has begun and asks clients to leave politely. {@link #resume()} before it has
     * completed cancels it.
     *
     * <p>A stage that has not completed five seconds after the timeout is not waited for any longer. Until
     * then it delays the commit (for {@link Upgrader.Builder#maxDrainBeforeCommit} at most) and the end of
     * this process, which refuses and delays the next upgrade, and the reports of all participants are lost.
     *
     * @param timeout how long the work may take from now on; what is left after that is to be cut off
     * @return completes when nothing is left
     */
    default CompletionStage<DrainReport> drain(Duration timeout) {
        return CompletableFuture.completedFuture(DrainReport.NOTHING);
    }

    /**
     * Takes new work: for the first time when the program is ready, again when an upgrade was rolled back.
     *
     * <p>In a child, this call precedes the pause of the parent. What only one process may do at a time,
     * a schedule or a connection that both have, waits for {@link Upgrader#parentPaused()}, but not in here.
     * If this call fails, or has not completed after five seconds, the upgrade fails, and the parent goes on.
     * Without a parent that is logged, and this process serves nevertheless.
     *
     * @return completes when new work is taken
     */
    default CompletionStage<?> resume() {
        return CompletableFuture.completedFuture(null);
    }

    /**
     * Releases what the successor has or nobody needs any more: listening sockets, locks.
     * {@link #resume()} does not come after this.
     *
     * @return completes when it is let go
     */
    default CompletionStage<?> release() {
        return CompletableFuture.completedFuture(null);
    }

    /**
     * How many connections, or whatever it is that this participant drains, have not ended yet. For those who
     * look on: {@code systemctl status} for example. Called from any thread, at any time; must not block. By
     * default 0.
     */
    default int remaining() {
        return 0;
    }
}
