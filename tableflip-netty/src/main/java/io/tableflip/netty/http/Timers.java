package io.tableflip.netty.http;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.ChannelHandlerContext;
import java.time.Duration;

/** Timers of handlers. */
final class Timers {
    private Timers() {}

    /** Takes a step on the executor of a handler, unless the channel is closed by then. */
    static void after(ChannelHandlerContext ctx, Duration time, Runnable step) {
        var timer = ctx.executor().schedule(step, time.toNanos(), NANOSECONDS);
        ctx.channel().closeFuture().addListener(closed -> timer.cancel(false));
    }
}
