package io.tableflip.netty;

import io.netty.channel.Channel;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;

/** Runs tasks on the event loops of channels whose users may shut those loops down at any time. */
final class Tasks {
    private Tasks() {}

    /**
     * Runs a task on the event loop of a registered channel.
     *
     * @param closed completes when the channel is closed. (Not Netty's own future: who asks that one to call back after its loop
     *     has ended is never called.)
     * @return completes when the task has run, or when the channel is closed and the task of no more use; fails if the task does
     */
    static CompletableFuture<Void> onLoopOf(Channel channel, CompletableFuture<Void> closed, Runnable task) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        boolean accepted = tryExecute(channel, () -> {
            try {
                task.run();
                done.complete(null);
            } catch (RuntimeException | Error e) {
                done.completeExceptionally(e);
            }
        });
        // A loop that is being shut down may accept a task and never run it; but it closes its channels.
        return accepted ? done.acceptEither(closed, end -> {}) : CompletableFuture.completedFuture(null);
    }

    /** Hands a task to the event loop of a channel, unless it is registered with none or that loop has been shut down. */
    static boolean tryExecute(Channel channel, Runnable task) {
        if (!channel.isRegistered()) {
            return false;
        }
        try {
            channel.eventLoop().execute(task);
            return true;
        } catch (RejectedExecutionException e) {
            return false;
        }
    }
}
