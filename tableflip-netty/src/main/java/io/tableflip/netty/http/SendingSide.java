package io.tableflip.netty.http;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import java.time.Duration;

/** Closes one direction of a connection, under TLS in the words of TLS first. */
final class SendingSide {
    private SendingSide() {}

    /**
     * How long a client has to close its side when this one is closed, unless the drain timeout comes first.
     */
    static final Duration CLOSE_LIMIT = Duration.ofSeconds(2);

    /** As {@link #close}, and closes the connection for good when the client has not done so in time. */
    static void closeFor(ChannelHandlerContext ctx, Duration limit) {
        after(ctx, limit, ctx::close);
        close(ctx);
    }

    /** Sends the end of the stream after what was flushed. A channel that has no sides is closed. */
    static void close(ChannelHandlerContext ctx) {
        SslHandler tls = ctx.pipeline().get(SslHandler.class);
        if (tls == null) {
            shutdown(ctx);
        } else {
            tls.closeOutbound().addListener(sent -> shutdown(ctx));
        }
    }

    /** Takes a step on the executor of a handler, unless the channel is closed by then. */
    static void after(ChannelHandlerContext ctx, Duration time, Runnable step) {
        var timer = ctx.executor().schedule(step, time.toNanos(), NANOSECONDS);
        ctx.channel().closeFuture().addListener(closed -> timer.cancel(false));
    }

    private static void shutdown(ChannelHandlerContext ctx) {
        if (ctx.channel() instanceof DuplexChannel duplex) {
            duplex.shutdownOutput().addListener(done -> {
                if (!done.isSuccess()) {
                    ctx.close();
                }
            });
        } else {
            ctx.close();
        }
    }
}
