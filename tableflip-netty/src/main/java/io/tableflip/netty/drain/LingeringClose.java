package io.tableflip.netty.drain;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Closes a connection that drains without destroying what was written to it. It sends what was written, shuts
 * down the output, reads and discards until the client has closed its side, and then closes the connection.
 * nginx and Apache call that a lingering close. The kernel answers unread or late input on a closed socket
 * with a reset, which discards what the client has not got yet.
 *
 * <p>It stands first in the pipeline, so that every {@code close()} of a handler or of the program comes by.
 * On the event loop of the connection.
 */
final class LingeringClose extends ChannelDuplexHandler {
    /** How long the client has to close its side after it has got everything. */
    private static final Duration LIMIT = Duration.ofSeconds(2);

    /** How long a close may take at the drain timeout, less than until the connection is cut. */
    private static final Duration LIMIT_AT_TIMEOUT = Duration.ofMillis(500);

    /** How often to look whether the client has got everything, once its time is over. */
    private static final Duration CHECK = Duration.ofMillis(100);

    private RunningDrain event;
    /** What is read is of no use any more. */
    private boolean discarding;
    /** Nothing more is written, but for what has been. */
    private boolean closing;

    private @Nullable Future<?> timer;
    private long deadline;

    private LingeringClose(RunningDrain event) {
        this.event = event;
    }

    /** Lets a connection be closed like that from now on, unless the drain is cancelled. */
    static void install(Channel channel, RunningDrain event) {
        of(channel, event);
    }

    private static LingeringClose of(Channel channel, RunningDrain event) {
        LingeringClose present = channel.pipeline().get(LingeringClose.class);
        if (present == null) {
            LingeringClose added = new LingeringClose(event);
            channel.pipeline().addFirst(added);
            return added;
        }
        if (!present.discarding) {
            present.event = event;
        }
        return present;
    }

    /**
     * Closes a connection whose protocol has ended, when its end is sent. Under TLS it sends the end of the
     * stream first. No handler sees this close, since some would begin to end their protocol once more.
     *
     * @param from the handler that has ended the protocol
     * @param last the last write, which this method flushes
     */
    static void begin(ChannelHandlerContext from, RunningDrain event, ChannelFuture last) {
        Channel channel = from.channel();
        LingeringClose close = of(channel, event);
        ChannelHandlerContext ctx = channel.pipeline().context(close);
        if (close.discarding) {
            return;
        }
        close.discard(ctx);
        from.flush();
        last.addListener(written -> {
            if (written.isSuccess()) {
                event.finished(channel);
                endTls(channel, () -> close.begin(ctx));
            } else {
                close.end(ctx);
            }
        });
    }

    private static void endTls(Channel channel, Runnable next) {
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls == null) {
            next.run();
        } else {
            tls.closeOutbound().addListener(sent -> next.run());
        }
    }

    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
        if (!discarding && (event.isCancelled() || !ctx.channel().isActive())) {
            ctx.close(promise);
            return;
        }
        if (!promise.isVoid()) {
            ctx.channel().closeFuture().addListener(closed -> promise.trySuccess());
        }
        if (!discarding) {
            discard(ctx);
            begin(ctx);
        }
    }

    @Override
    public void disconnect(ChannelHandlerContext ctx, ChannelPromise promise) {
        close(ctx, promise);
    }

    /** From now on nothing that is read is of use, and the time to the end of the connection runs. */
    private void discard(ChannelHandlerContext ctx) {
        discarding = true;
        // or Netty closes the channel at the end of the stream, with what it has not sent yet
        ctx.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        Duration most = event.isCancelled() ? LIMIT : event.remaining();
        Duration time = most.compareTo(LIMIT_AT_TIMEOUT) < 0 ? LIMIT_AT_TIMEOUT : most;
        deadline = System.nanoTime() + time.toNanos();
        after(ctx, time, () -> end(ctx));
        readOn(ctx);
    }

    private void begin(ChannelHandlerContext ctx) {
        if (closing || !ctx.channel().isActive()) {
            return;
        }
        closing = true;
        if (isOutputShutdown(ctx.channel())) {
            await(ctx, LIMIT);
            return;
        }
        // whoever shuts down the output gives up what is not sent
        ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> {
            if (written.isSuccess()) {
                shutDownOutput(ctx);
            } else {
                end(ctx);
            }
        });
    }

    /** Whether this connection is being closed. On its loop. */
    static boolean isClosing(Channel channel) {
        LingeringClose close = channel.pipeline().get(LingeringClose.class);
        return close != null && close.discarding;
    }

    private void shutDownOutput(ChannelHandlerContext ctx) {
        if (ctx.channel() instanceof DuplexChannel duplex && !duplex.isInputShutdown()) {
            duplex.shutdownOutput().addListener(done -> {
                if (done.isSuccess()) {
                    await(ctx, LIMIT);
                } else {
                    end(ctx);
                }
            });
        } else {
            ctx.close(); // nothing can be unread
        }
    }

    private void await(ChannelHandlerContext ctx, Duration time) {
        after(ctx, time, () -> {
            if (SendQueue.isEmpty(ctx.channel())) {
                ctx.close();
            } else {
                await(ctx, CHECK);
            }
        });
    }

    /** Replaces the running timer, and ends the close at the deadline whatever the timer is for. */
    private void after(ChannelHandlerContext ctx, Duration time, Runnable step) {
        if (timer != null) {
            timer.cancel(false);
        }
        long left = deadline - System.nanoTime();
        timer = time.toNanos() < left
                ? ctx.executor().schedule(step, time.toNanos(), NANOSECONDS)
                : ctx.executor().schedule(() -> end(ctx), left, NANOSECONDS);
    }

    /** Closes the connection, whatever the client has got. */
    private void end(ChannelHandlerContext ctx) {
        if (ctx.channel().isActive() && !isDelivered(ctx.channel())) {
            event.undelivered(ctx.channel());
        }
        ctx.close();
    }

    private static boolean isDelivered(Channel channel) {
        return SendQueue.isFlushed(channel) && SendQueue.isEmpty(channel);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        if (discarding) {
            ReferenceCountUtil.release(msg);
        } else {
            ctx.fireChannelRead(msg);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (discarding) {
            readOn(ctx);
        } else {
            ctx.fireChannelReadComplete();
        }
    }

    /** Nobody else reads any more, and only a read finds the end of the stream. */
    private static void readOn(ChannelHandlerContext ctx) {
        if (!ctx.channel().config().isAutoRead()) {
            ctx.read();
        }
    }

    /** The client has closed its side. */
    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        boolean inputEnded =
                evt instanceof ChannelInputShutdownEvent || evt instanceof ChannelInputShutdownReadComplete;
        if (discarding && inputEnded) {
            if (isOutputShutdown(ctx.channel())) {
                ctx.close();
            }
        } else {
            ctx.fireUserEventTriggered(evt);
        }
    }

    private static boolean isOutputShutdown(Channel channel) {
        return channel instanceof DuplexChannel duplex && duplex.isOutputShutdown();
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        if (closing) {
            ReferenceCountUtil.release(msg);
            promise.tryFailure(new ClosedChannelException());
        } else {
            ctx.write(msg, promise);
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        if (timer != null) {
            timer.cancel(false);
        }
    }
}
