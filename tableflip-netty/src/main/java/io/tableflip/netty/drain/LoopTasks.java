package io.tableflip.netty.drain;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** Runs tasks on event loops whose users may shut them down at any time, or limit their queues. */
public final class LoopTasks {
    private static final Executor LATER = CompletableFuture.delayedExecutor(10, MILLISECONDS);

    private LoopTasks() {}

    /**
     * Runs a task on the event loop of a registered channel.
     *
     * @param closed completes when the channel is closed. (Not Netty's own future: who asks that one to call
     *     back after its loop has ended is never called.)
     * @return completes when the task has run, or when the channel is closed and the task of no more use;
     *     fails if the task does
     */
    public static CompletableFuture<Void> onLoopOf(Channel channel, CompletableFuture<Void> closed, Runnable task) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (!channel.isRegistered()) {
            done.complete(null);
            return done;
        }
        Runnable noted = () -> {
            try {
                task.run();
                done.complete(null);
            } catch (RuntimeException | Error e) {
                done.completeExceptionally(e);
            }
        };
        execute(channel.eventLoop(), noted, () -> done.complete(null));
        // A loop that is being shut down may accept a task and never run it; but it closes its channels.
        return done.acceptEither(closed, end -> {});
    }

    /**
     * Hands a task to an event loop: again later, if its queue is full.
     *
     * @param ended is run instead if the loop has been shut down
     */
    public static void execute(EventLoop loop, Runnable task, Runnable ended) {
        try {
            loop.execute(task);
        } catch (RejectedExecutionException e) {
            if (loop.isShuttingDown()) {
                ended.run();
            } else {
                LATER.execute(() -> execute(loop, task, ended));
            }
        }
    }
}
