package io.tableflip.netty.http;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.tableflip.netty.DrainEvent;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How an HTTP/1.1 connection leaves: its last response says so and is sent, the request that it answers is
 * received to its end, this side is closed for sending, and the connection is closed when the client has
 * closed too or has had its time. On the event loop.
 */
final class HttpLeaving {
    /** An answer may come before the end of an upload that the application goes on reading. */
    private final BooleanSupplier receiving;

    private @Nullable DrainEvent event;
    /** A response says that the connection will be closed after it. */
    private boolean said;
    /** That response has ended, as far as the handler is concerned. */
    private boolean finished;
    /** It is on its way. */
    private boolean sent;
    /** This side of the connection is closed. */
    private boolean lingering;

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
        finished = true;
        written.addListener(done -> {
            sent = true;
            if (event != null && done.isSuccess()) {
                event.finished(ctx.channel());
            }
            proceed(ctx);
        });
    }

    /** Closes this side if there is nothing more to send or to wait for. */
    void proceed(ChannelHandlerContext ctx) {
        if (!sent || lingering || receiving.getAsBoolean() || !ctx.channel().isActive()) {
            return;
        }
        lingering = true;
        if (HeldWrites.isInputShutdown(ctx.channel())) {
            ctx.close();
            return;
        }
        closeLater(ctx);
        readOn(ctx);
        SendingSide.close(ctx);
    }

    /** Nobody else reads then, and only a read finds the end of the stream. */
    void readOn(ChannelHandlerContext ctx) {
        if (lingering && !ctx.channel().config().isAutoRead()) {
            ctx.read();
        }
    }

    /** The client has closed its side too; tells whether that was all that was missing. */
    boolean inputEnded(ChannelHandlerContext ctx) {
        if (lingering) {
            ctx.close();
        }
        return lingering;
    }

    /**
     * The application, too, may close after the last response. It gets what it wants, without the reset.
     *
     * @return whether it has to wait, and no more of the request is wanted
     */
    boolean postpones(ChannelHandlerContext ctx, ChannelPromise promise) {
        if (!finished || limit().isZero()) {
            return false;
        }
        ctx.channel().closeFuture().addListener(closed -> promise.trySuccess());
        ctx.flush();
        closeLater(ctx);
        return true;
    }

    private void closeLater(ChannelHandlerContext ctx) {
        ctx.executor().schedule(() -> ctx.close(), limit().toNanos(), NANOSECONDS);
    }

    private Duration limit() {
        if (event != null && event.isCancelled()) {
            return SendingSide.CLOSE_LIMIT; // its deadline is nobody's any more
        }
        Duration remaining = event == null ? Duration.ZERO : event.remaining();
        return remaining.compareTo(SendingSide.CLOSE_LIMIT) < 0 ? remaining : SendingSide.CLOSE_LIMIT;
    }
}
