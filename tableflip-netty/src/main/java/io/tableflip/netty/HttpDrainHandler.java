package io.tableflip.netty;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.HttpExpectationFailedEvent;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.PromiseNotifier;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Ends an HTTP/1.1 connection without losing a request when a {@link DrainEvent} arrives. Its place in the pipeline is right
 * after {@code HttpServerCodec}; each connection needs a new one.
 *
 * <p>From the event on, a response is given the header {@code Connection: close} if it is the last one: if no further request
 * has been received, pipelined ones included. To know that, the last response is held back until the event loop has looked for
 * more once. When it has been flushed the connection is closed: first for sending only, and for good when the client has
 * closed too or after a short time, so that the kernel does not answer late bytes of the client by a reset that could
 * destroy the response.
 *
 * <p>A connection on which nothing is under way, or whose response had begun before the event, stays: closing it could cross with the
 * next request. That request gets the response that says close. At the drain timeout it is closed all the same.
 *
 * <p>Two limits. The header is set on the very response that the application writes: one object that many connections share
 * ({@code response.retain()}) would say close for ever, while {@code retainedDuplicate()} and copies have headers of their own. And
 * an application that switches AUTO_READ off until its response is written keeps requests from being received: those that a client
 * has pipelined behind the last response then find the connection closed, and the client sends them anew.
 *
 * <p>Connections that become something else (101, or success for CONNECT) are left alone from then on: this handler
 * removes itself.
 */
public final class HttpDrainHandler extends ChannelDuplexHandler {
    private @Nullable DrainEvent event;
    /** Requests whose final response has not begun. */
    private int unanswered;
    /** A final response has begun and not ended. */
    private boolean responding;
    /** The end of the request that came last has not been received. */
    private boolean receiving;
    /** The request that came last is a CONNECT. */
    private boolean connect;
    /** A response says that the connection will be closed after it. */
    private boolean leaving;
    /** That response has ended, as far as this handler is concerned. */
    private boolean finished;
    /** Ends of responses that are not on their way to the client yet. */
    private int unsent;
    /** The last response is on its way. */
    private boolean sent;
    /** This side of the connection is closed. */
    private boolean lingering;
    /** A request came too late to be answered; it was not the client's turn, or it would have been answered. */
    private boolean ignoring;
    /** What may be the last response, until that is known. */
    private @Nullable HeldWrites held;

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (ctx.pipeline().get(HttpDrainHandler.class) != this) {
            throw new IllegalStateException("the pipeline has an HttpDrainHandler already: one is enough");
        }
        DrainEvent.of(ctx.channel()).ifPresent(current -> begin(ctx, current));
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        letGo(ctx, false);
        if (event != null) {
            event.idle(ctx.channel(), false);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        if (evt instanceof DrainEvent drain) {
            begin(ctx, drain);
        } else if (evt instanceof ChannelInputShutdownEvent) {
            inputEnded(ctx);
        } else if (evt instanceof HttpExpectationFailedEvent) {
            requestEnded(ctx);
        }
        ctx.fireUserEventTriggered(evt);
    }

    /** The client has closed its side; no further request can come. */
    private void inputEnded(ChannelHandlerContext ctx) {
        receiving = false;
        if (lingering) {
            ctx.close();
        } else {
            letGo(ctx, true);
            linger(ctx);
        }
    }

    private void begin(ChannelHandlerContext ctx, DrainEvent drain) {
        event = drain;
        drain.protocol(ctx.channel(), "http/1.1");
        noteIdle(ctx);
    }

    private boolean isDraining() {
        return event != null && !event.isCancelled();
    }

    private void noteIdle(ChannelHandlerContext ctx) {
        if (event != null && !ctx.isRemoved()) {
            event.idle(ctx.channel(), unanswered == 0 && !responding && !receiving && held == null && unsent == 0);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        if (msg instanceof HttpRequest request) {
            ignoring |= leaving;
            if (!ignoring) {
                received(ctx, request);
            }
        }
        if (ignoring) {
            ReferenceCountUtil.release(msg);
            return;
        }
        boolean end = msg instanceof LastHttpContent;
        ctx.fireChannelRead(msg);
        if (end) {
            requestEnded(ctx);
        }
    }

    private void requestEnded(ChannelHandlerContext ctx) {
        if (receiving) {
            receiving = false;
            noteIdle(ctx);
            linger(ctx);
        }
    }

    private void received(ChannelHandlerContext ctx, HttpRequest request) {
        unanswered++;
        receiving = true;
        connect = HttpMethod.CONNECT.equals(request.method());
        letGo(ctx, false);
        noteIdle(ctx);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (lingering && !ctx.channel().config().isAutoRead()) {
            // Nobody else reads now, and only a read finds the end of the stream.
            ctx.read();
        }
        ctx.fireChannelReadComplete();
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        boolean head = msg instanceof HttpResponse response && begins(response);
        if (head && handsOver((HttpResponse) msg)) {
            ctx.write(msg, promise);
            ctx.pipeline().remove(this);
            return;
        }
        if (head && isDraining() && !leaving) {
            prepare(ctx, (HttpResponse) msg);
        }
        boolean end = msg instanceof LastHttpContent && responding;
        responding &= !end;
        ChannelPromise written = end ? onLoop(ctx, promise) : promise;
        if (held != null) {
            held.add(msg, written);
        } else {
            pass(ctx, ctx.write(msg, written), end);
        }
    }

    /** The application's promise may call back on another thread, or be void. */
    private ChannelPromise onLoop(ChannelHandlerContext ctx, ChannelPromise promise) {
        ChannelPromise own = ctx.newPromise();
        PromiseNotifier.cascade(own, promise.unvoid());
        unsent++;
        own.addListener(done -> {
            unsent--;
            noteIdle(ctx);
        });
        return own;
    }

    /** Takes note of the head of a response; tells whether it is a final one. */
    private boolean begins(HttpResponse response) {
        boolean informational = response.status().codeClass() == HttpStatusClass.INFORMATIONAL
                && response.status().code() != HttpResponseStatus.SWITCHING_PROTOCOLS.code();
        responding = !informational;
        if (responding) {
            unanswered = Math.max(0, unanswered - 1);
        }
        return responding;
    }

    private boolean handsOver(HttpResponse response) {
        boolean tunnel = connect && unanswered == 0 && response.status().codeClass() == HttpStatusClass.SUCCESS;
        return tunnel || response.status().code() == HttpResponseStatus.SWITCHING_PROTOCOLS.code();
    }

    private void prepare(ChannelHandlerContext ctx, HttpResponse response) {
        if (!HttpUtil.isKeepAlive(response)) {
            leave(ctx);
        } else if (unanswered == 0) {
            hold(ctx);
        }
    }

    private void leave(ChannelHandlerContext ctx) {
        leaving = true;
        if (event != null) {
            event.told(ctx.channel());
        }
    }

    /**
     * Holds back what is written from now on, for as long as it takes the event loop to look for more to read. Two rounds, since
     * the one under way may be past its reading: in each a loop reads first and then runs the tasks that were due by then. (Further
     * requests that were read already, and are decoded after this one, come even before the first.)
     */
    private void hold(ChannelHandlerContext ctx) {
        HeldWrites writes = new HeldWrites(ctx);
        held = writes;
        EventLoop loop = ctx.channel().eventLoop();
        Runnable decide = () -> {
            if (held == writes) {
                letGo(ctx, isDraining() && unanswered == 0);
            }
        };
        Runnable secondRound = () -> ctx.executor().execute(decide);
        loop.schedule(() -> loop.schedule(secondRound, 0, NANOSECONDS), 0, NANOSECONDS);
    }

    /** Writes what was held back, as the last response or as any other. */
    private void letGo(ChannelHandlerContext ctx, boolean last) {
        HeldWrites writes = held;
        if (writes == null || writes.isReleasing()) {
            return;
        }
        // If only this handler has kept it open, it is for this handler to close it, even if the client cannot be told.
        leaving |= writes.endHalfClosure();
        if (last && markLast(writes.first())) {
            leave(ctx);
        }
        writes.release((written, end) -> pass(ctx, written, end));
        held = null;
        writes.flushIfAsked();
        noteIdle(ctx);
    }

    private static boolean markLast(@Nullable Object head) {
        try {
            HttpUtil.setKeepAlive((HttpResponse) head, false);
            return true;
        } catch (UnsupportedOperationException e) {
            // The headers are read-only. The client cannot be told, so the connection must not be closed.
            return false;
        }
    }

    private void pass(ChannelHandlerContext ctx, ChannelFuture written, boolean end) {
        if (end && leaving) {
            finished = true;
            written.addListener(done -> {
                sent = true;
                if (event != null && done.isSuccess()) {
                    event.finished(ctx.channel());
                }
                linger(ctx);
            });
        } else if (end) {
            noteIdle(ctx);
        }
    }

    @Override
    public void flush(ChannelHandlerContext ctx) {
        if (held != null) {
            held.flush();
        }
        ctx.flush();
    }

    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
        letGo(ctx, isDraining());
        if (!finished || closeLimit().isZero()) {
            ctx.close(promise);
            return;
        }
        // The application, too, closes after the last response. It gets what it wants, without the reset.
        ctx.channel().closeFuture().addListener(closed -> promise.trySuccess());
        ctx.flush();
        closeLater(ctx);
        // It wants no more of the request.
        requestEnded(ctx);
    }

    /**
     * Closes the sending side and waits for the client to close the other, when the response is sent and the request is received:
     * an answer may come before the end of an upload that the application goes on reading.
     */
    private void linger(ChannelHandlerContext ctx) {
        if (!sent || receiving || lingering || !ctx.channel().isActive()) {
            return;
        }
        lingering = true;
        if (HeldWrites.isInputShutdown(ctx.channel())) {
            ctx.close();
            return;
        }
        closeLater(ctx);
        if (!ctx.channel().config().isAutoRead()) {
            ctx.read();
        }
        SendingSide.close(ctx);
    }

    private void closeLater(ChannelHandlerContext ctx) {
        ctx.executor().schedule(() -> ctx.close(), closeLimit().toNanos(), NANOSECONDS);
    }

    private Duration closeLimit() {
        if (event != null && event.isCancelled()) {
            return SendingSide.CLOSE_LIMIT; // its deadline is nobody's any more
        }
        Duration remaining = event == null ? Duration.ZERO : event.remaining();
        return remaining.compareTo(SendingSide.CLOSE_LIMIT) < 0 ? remaining : SendingSide.CLOSE_LIMIT;
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        letGo(ctx, false);
        ctx.fireChannelInactive();
    }
}
