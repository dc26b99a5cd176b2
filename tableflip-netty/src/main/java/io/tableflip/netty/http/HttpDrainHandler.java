package io.tableflip.netty.http;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.HttpExpectationFailedEvent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.PromiseNotifier;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.exchange.HttpExchanges;
import io.tableflip.netty.exchange.HttpParts;
import org.jspecify.annotations.Nullable;

/**
 * Ends an HTTP/1.1 connection without losing a request when a {@link DrainEvent} arrives. Its place in the
 * pipeline is right after {@code HttpServerCodec}, or right after the later one of {@code HttpRequestDecoder}
 * and {@code HttpResponseEncoder}. Each connection needs a new one.
 *
 * <p>A handler in front of the codec, or between decoder and encoder, would not see all requests and
 * responses. It moves to the right place, under its name, before the first request of its connection. The
 * first time this happens in a process, a warning names the right place.
 *
 * <p>From the event on, a response is given the header {@code Connection: close} if it is the last one: if no
 * further request has been received, pipelined ones included. To know that, the last response is held back
 * until the event loop has looked for more once. When it has been flushed the connection is closed: first for
 * sending only, and for good when the client has closed too or after a short time, so that the kernel does
 * not answer late bytes of the client by a reset that could destroy the response.
 *
 * <p>A connection on which nothing is under way, or whose response had begun before the event, stays: closing
 * it could cross with the next request. That request gets the response that says close. At the drain timeout
 * it is closed nevertheless.
 *
 * <p>Two limits. The header is set on the very response that the application writes: one object that many
 * connections share ({@code response.retain()}) would say close for ever, while {@code retainedDuplicate()}
 * and copies have headers of their own. And an application that switches AUTO_READ off until its response is
 * written keeps requests from being received: those that a client has pipelined behind the last response then
 * find the connection closed, and the client sends them anew.
 *
 * <p>Connections that become something else (101, success for CONNECT, or HTTP/2 for which the codec was
 * taken away) are left alone from then on: this handler removes itself.
 */
public final class HttpDrainHandler extends ChannelDuplexHandler {
    private static final String PROTOCOL = "http/1.1";

    private final HttpExchanges exchanges = new HttpExchanges();
    private final HttpLeaving leaving = new HttpLeaving(exchanges::isReceiving);
    /** What may be the last response, until that is known. */
    private @Nullable HeldWrites held;
    /**
     * A request came too late to be answered; it was not the client's turn, or it would have been answered.
     */
    private boolean ignoring;
    /** No handler of the codec is behind this one; looked up at the first request. */
    private boolean placed;
    /** Netty adds a handler a second time only if it is sharable. */
    private boolean moving;
    /** What makes this connection one of HTTP/1.1; null as long as none was seen. */
    private @Nullable ChannelHandlerContext codec;

    /** Creates a handler for one connection. */
    public HttpDrainHandler() {}

    /** Whether this handler may be added to a pipeline again: only while it moves to its right place. */
    @Override
    public boolean isSharable() {
        return moving;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (ctx.pipeline().get(HttpDrainHandler.class) != this) {
            throw new IllegalStateException("the pipeline has an HttpDrainHandler already: one is enough");
        }
        codec = codecOf(ctx.pipeline());
        DrainEvent.of(ctx.channel()).ifPresent(current -> begin(ctx, current));
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        letGo(ctx, false);
        // whoever notes another protocol also knows whether that is idle
        if (leaving.isDraining() && leaving.isNoted(ctx, PROTOCOL)) {
            leaving.noteIdle(ctx, false);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        if (isSomethingElse(ctx)) {
            ctx.pipeline().remove(this);
        } else if (evt instanceof DrainEvent drain) {
            begin(ctx, drain);
        } else if (evt instanceof ChannelInputShutdownEvent) {
            inputEnded(ctx);
        } else if (evt instanceof HttpExpectationFailedEvent) {
            requestEnded(ctx);
        }
        ctx.fireUserEventTriggered(evt);
    }

    /**
     * The codec was taken away, and there is no other: HTTP/2 whose client knew that it may begin with it,
     * for example.
     */
    private boolean isSomethingElse(ChannelHandlerContext ctx) {
        if (codec == null || codec.isRemoved()) {
            ChannelHandlerContext now = codecOf(ctx.pipeline());
            if (now == null) {
                return codec != null;
            }
            codec = now;
        }
        return false;
    }

    private static @Nullable ChannelHandlerContext codecOf(ChannelPipeline pipeline) {
        ChannelHandlerContext both = pipeline.context(HttpServerCodec.class);
        return both != null ? both : pipeline.context(HttpResponseEncoder.class);
    }

    private void begin(ChannelHandlerContext ctx, DrainEvent drain) {
        leaving.drain(drain);
        noteProtocol(ctx);
        noteIdle(ctx);
        exchanges.whenSent(ctx, () -> noteIdle(ctx));
    }

    private void noteProtocol(ChannelHandlerContext ctx) {
        if (isHttp()) {
            leaving.noteProtocol(ctx, PROTOCOL);
        }
    }

    private void noteIdle(ChannelHandlerContext ctx) {
        if (isHttp() && !ctx.isRemoved()) {
            leaving.noteIdle(ctx, !exchanges.isUnderWay() && held == null);
        }
    }

    /** As far as can be told. */
    private boolean isHttp() {
        return codec != null || exchanges.hasBegun();
    }

    /** The client has closed its side; no further request can come. */
    private void inputEnded(ChannelHandlerContext ctx) {
        exchanges.requestEnded();
        letGo(ctx, true);
        leaving.proceed(ctx);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        HttpRequest request = HttpParts.request(msg);
        if (!placed && moves(ctx, request != null, msg)) {
            ctx.fireChannelRead(msg); // which comes back to this handler as a request, in its new place
            return;
        }
        if (request != null) {
            if (isSomethingElse(ctx)) {
                ctx.pipeline().remove(this);
                ctx.fireChannelRead(msg);
                return;
            }
            ignoring |= leaving.isSaid();
            if (!ignoring) {
                received(ctx, request);
            }
        }
        if (ignoring) {
            ReferenceCountUtil.release(msg);
            return;
        }
        boolean end = HttpParts.isLast(msg);
        ctx.fireChannelRead(msg);
        if (end) {
            requestEnded(ctx);
        }
    }

    /** Bytes come here only in front of the codec, which may be added with the first of them or later. */
    private boolean moves(ChannelHandlerContext ctx, boolean isRequest, Object msg) {
        placed = isRequest;
        ChannelHandlerContext behind = isRequest || msg instanceof ByteBuf ? HttpDrainPlace.codecBehind(ctx) : null;
        if (behind == null) {
            return false;
        }
        placed = true;
        moving = true;
        HttpDrainPlace.move(ctx, behind);
        moving = false;
        return true;
    }

    private void received(ChannelHandlerContext ctx, HttpRequest request) {
        boolean first = !exchanges.hasBegun();
        exchanges.received(request);
        if (first) {
            noteProtocol(ctx);
        }
        letGo(ctx, false);
        noteIdle(ctx);
    }

    private void requestEnded(ChannelHandlerContext ctx) {
        if (exchanges.requestEnded()) {
            noteIdle(ctx);
            leaving.proceed(ctx);
        }
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        HttpResponse response = HttpParts.response(msg);
        if (response != null && exchanges.begins(response)) {
            if (exchanges.handsOver(response)) {
                ctx.write(msg, promise);
                ctx.pipeline().remove(this);
                return;
            }
            prepare(ctx, response);
        }
        boolean end = exchanges.ends(msg);
        ChannelPromise written = end ? promiseOfEnd(ctx, promise) : promise;
        if (held != null) {
            held.add(msg, written);
        } else {
            pass(ctx, ctx.write(msg, written), end);
        }
    }

    /**
     * The application's promise may call back on another thread, which may be busy: when something follows
     * from it, it gets one of its own.
     */
    private ChannelPromise promiseOfEnd(ChannelHandlerContext ctx, ChannelPromise promise) {
        if (!leaving.isDraining()) {
            return promise.unvoid(); // since a void promise is never done
        }
        ChannelPromise own = ctx.newPromise();
        PromiseNotifier.cascade(own, promise.unvoid());
        return own;
    }

    private void prepare(ChannelHandlerContext ctx, HttpResponse response) {
        if (!leaving.isDraining() || leaving.isSaid()) {
            return;
        }
        if (!HttpUtil.isKeepAlive(response)) {
            leaving.say(ctx);
        } else if (exchanges.isAnswered()) {
            hold(ctx);
        }
    }

    /**
     * Holds back what is written from now on, for as long as it takes the event loop to look for more to
     * read. Two rounds, since the one under way may be past its reading: in each a loop reads first and then
     * runs the tasks that were due by then. (Further requests that were read already, and are decoded after
     * this one, come even before the first.)
     */
    private void hold(ChannelHandlerContext ctx) {
        HeldWrites writes = new HeldWrites(ctx);
        held = writes;
        EventLoop loop = ctx.channel().eventLoop();
        Runnable decide = () -> {
            if (held == writes) {
                letGo(ctx, leaving.isDraining() && exchanges.isAnswered());
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
        // If only this handler has kept it open, it is for this handler to close it, even if the client
        // cannot be told.
        if (writes.endHalfClosure()) {
            leaving.leaveUnsaid();
        }
        if (last && markLast(writes.first())) {
            leaving.say(ctx);
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
        if (!end) {
            return;
        }
        exchanges.sending(written);
        if (leaving.isDraining()) {
            exchanges.whenSent(ctx, () -> noteIdle(ctx));
        }
        if (leaving.isSaid()) {
            leaving.finish(ctx, written);
        } else {
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
        letGo(ctx, leaving.isDraining());
        ctx.close(promise);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        letGo(ctx, false);
        ctx.fireChannelInactive();
    }
}
