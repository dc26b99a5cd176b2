package io.tableflip.netty.drain;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.concurrent.Future;
import io.tableflip.netty.DrainEvent;
import org.jspecify.annotations.Nullable;

/**
 * Sits first in the pipeline of a connection that is to leave, and closes it when it has been quiet for long
 * enough.
 */
public final class IdleProbe extends ChannelDuplexHandler {
    private final DrainEvent event;
    private final long quiet;
    private long lastMove = System.nanoTime();
    private @Nullable Future<?> timer;

    private IdleProbe(DrainEvent event, long quiet) {
        this.event = event;
        this.quiet = quiet;
    }

    /** On the loop of the channel. */
    public static void install(Channel channel, DrainEvent event, long quiet) {
        IdleProbe probe = new IdleProbe(event, Math.min(quiet, event.remaining().toNanos() / 2));
        channel.pipeline().addFirst(probe);
        Runnable remove = () -> {
            if (channel.pipeline().context(probe) != null) {
                channel.pipeline().remove(probe);
            }
        };
        if (event instanceof RunningDrain drain) {
            drain.whenCancelled(channel, () -> LoopTasks.execute(channel.eventLoop(), remove, () -> {}));
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        event.idle(ctx.channel(), false);
        check(ctx);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        if (event instanceof RunningDrain drain) {
            drain.forgetWhenCancelled(ctx.channel());
        }
        if (timer != null) {
            timer.cancel(false);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        moved(ctx);
        ctx.fireChannelRead(msg);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        moved(ctx);
        ctx.write(msg, promise);
    }

    private void moved(ChannelHandlerContext ctx) {
        lastMove = System.nanoTime();
        event.idle(ctx.channel(), false);
    }

    private void check(ChannelHandlerContext ctx) {
        if (!SendQueue.isFlushed(ctx.channel()) || !SendQueue.isEmpty(ctx.channel())) {
            lastMove = System.nanoTime();
        }
        long wait = quiet - (System.nanoTime() - lastMove);
        if (wait > 0) {
            timer = ctx.executor().schedule(() -> check(ctx), wait, NANOSECONDS);
        } else if (!event.isCancelled()) {
            // It counts as idle, should a handler put off its close until the drain timeout.
            event.idle(ctx.channel(), true);
            ctx.channel().close();
        }
    }
}
