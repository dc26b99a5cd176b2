package io.tableflip.netty.transfer;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.util.concurrent.EventExecutor;
import io.tableflip.netty.engine.Transferable;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * What the application is told before its connection leaves, and what it answers. The connection has to wait
 * for everything that handlers had queued by then: each executor of the pipeline runs one more task, and the
 * event loop the last one.
 */
final class Departure {
    private final Leaving leaving;
    private final Runnable changed;
    private boolean fenced;

    /** @param changed runs on the event loop when {@link #obstacle} may be another */
    Departure(ChannelHandlerContext ctx, Runnable changed) {
        this.changed = changed;
        leaving = new Leaving(ctx.channel().eventLoop(), changed);
    }

    void begin(ChannelHandlerContext ctx) {
        ctx.fireUserEventTriggered(leaving);
        Queue<EventExecutor> executors = executors(ctx.pipeline());
        executors.add(ctx.channel().eventLoop());
        passThrough(executors);
    }

    private void passThrough(Queue<EventExecutor> executors) {
        EventExecutor next = executors.poll();
        if (next == null) {
            fenced = true;
            changed.run();
        } else {
            next.execute(() -> passThrough(executors));
        }
    }

    /** Those that run handlers beside the event loop, in the order of the pipeline. */
    private static Queue<EventExecutor> executors(ChannelPipeline pipeline) {
        Queue<EventExecutor> all = new ArrayDeque<>();
        EventExecutor last = pipeline.channel().eventLoop();
        for (Map.Entry<String, ChannelHandler> each : pipeline) {
            ChannelHandlerContext ctx = pipeline.context(each.getKey());
            if (ctx != null && ctx.executor() != last) {
                last = ctx.executor();
                all.add(last);
            }
        }
        return all;
    }

    Leaving leaving() {
        return leaving;
    }

    @Nullable
    String obstacle() {
        if (!fenced) {
            return Transferable.BEING_NOTIFIED;
        }
        return leaving.isPostponed() ? "postponed" : null;
    }
}
