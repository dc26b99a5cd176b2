package io.tableflip.netty.http;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.tableflip.netty.DrainEvent;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How an HTTP/1.1 connection leaves: its last response announces the close and is sent, the request that it
 * answers is received to its end, and the connection is closed. On the event loop.
 */
final class HttpLeaving {
    /** An answer may come before the end of an upload that the application goes on reading. */
    private final BooleanSupplier receiving;

    private @Nullable DrainEvent event;
    /** A response says that the connection will be closed after it. */
    private boolean said;
    /** That response was sent. */
    private boolean sent;

    /** @param receiving whether a request is being received */
    HttpLeaving(BooleanSupplier receiving) {
        this.receiving = receiving;
    }

    void drain(DrainEvent drain) {
        event = drain;
    }

    boolean isDraining() {
        return event != null && !event.isCancelled();
    }

    void noteProtocol(ChannelHandlerContext ctx, String protocol) {
        if (event != null) {
            event.protocol(ctx.channel(), protocol);
        }
    }

    boolean isNoted(ChannelHandlerContext ctx, String protocol) {
        return event != null && event.protocolOf(ctx.channel()).equals(protocol);
    }

    void noteIdle(ChannelHandlerContext ctx, boolean idle) {
        if (event != null) {
            event.idle(ctx.channel(), idle);
        }
    }

    /** The response that has begun last says that it is the last one. */
    void say(ChannelHandlerContext ctx) {
        said = true;
        if (event != null) {
            event.notified(ctx.channel());
        }
    }

    /** The response that has begun last is the last one, and the client cannot be told. */
    void leaveUnsaid() {
        said = true;
    }

    /** Whoever asks from now on asks too late. */
    boolean isSaid() {
        return said;
    }

    /** The end of the last response was written. */
    void finish(ChannelHandlerContext ctx, ChannelFuture written) {
        written.addListener(done -> {
            sent = true;
            if (event != null && done.isSuccess()) {
                event.finished(ctx.channel());
            }
            proceed(ctx);
        });
    }

    /** Closes the connection if there is nothing more to send or to wait for. */
    void proceed(ChannelHandlerContext ctx) {
        if (sent && event != null && !receiving.getAsBoolean() && ctx.channel().isActive()) {
            event.end(ctx, ctx.newSucceededFuture());
        }
    }
}
