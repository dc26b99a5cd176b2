package io.tableflip.netty.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameEncoder;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.netty.DrainEvent;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Ends a WebSocket connection without losing a message when a {@link DrainEvent} arrives: with close code
 * 1012, service restart, after which a client connects anew. Each connection needs a new one.
 *
 * <p>Its place in the pipeline is right <em>before</em> {@code WebSocketServerProtocolHandler}, and behind
 * {@code WebSocketServerCompressionHandler} and the {@link HttpDrainHandler} if there are these; without
 * Netty's protocol handler, right behind the frame codec. It may be added before the handshake or after it.
 * (Behind the protocol handler it would not see the client's answer, which that handler would answer once
 * more.)
 *
 * <p>The event goes to the application first, which may write a last message. Then a message that is being
 * sent in fragments is sent to its end, and one that is being received is received; then the close frame is
 * sent. What the application writes after that fails with {@link ClosedChannelException}. What the client had
 * sent before it saw the close frame still comes to the application. When the client has answered, its answer
 * is not passed on, and the connection is closed: first for sending only, and for good when the client has
 * closed too. A client that does not answer is given some time.
 *
 * <p>A handshake that is under way is completed first. A connection that has asked for none yet is left to
 * the handler of its HTTP. If the drain is called off after the client was told, the connection ends all the
 * same; one that was not told yet stays.
 */
public final class WebSocketDrainHandler extends ChannelDuplexHandler {
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);
    /** What a control frame holds, without the code. */
    private static final int LONGEST_REASON = 123;

    private final String reason;
    private final Duration answerLimit;
    private @Nullable DrainEvent event;
    /** A message is being sent, and its last fragment is not written. */
    private boolean sending;
    /** The last fragment of a message that is being received has not come. */
    private boolean receiving;
    /** The handshake has ended. */
    private boolean begun;
    /** A close frame was written, by whomever: nothing may follow. */
    private boolean closeWritten;
    /** It was this handler's. */
    private boolean told;

    private boolean closeReceived;
    /** The client has had its time. */
    private boolean over;

    /** With the reason {@code service restart} and 10 s for the client to answer. */
    public WebSocketDrainHandler() {
        this("service restart", ANSWER_LIMIT);
    }

    /**
     * With a reason and a limit of one's own.
     *
     * @param reason goes to the client in the close frame; at most 123 bytes in UTF-8
     * @param answerLimit how long to wait for the end of a message, and then for the client's answer; never
     *     longer than to the drain timeout
     */
    public WebSocketDrainHandler(String reason, Duration answerLimit) {
        this.reason = requireNonNull(reason);
        this.answerLimit = requireNonNull(answerLimit);
        if (reason.getBytes(UTF_8).length > LONGEST_REASON) {
            throw new IllegalArgumentException("longer than " + LONGEST_REASON + " bytes: " + reason);
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        for (String name : ctx.pipeline().names()) {
            if (name.equals(ctx.name())) {
                break;
            }
            if (ctx.pipeline().get(name) instanceof WebSocketServerProtocolHandler) {
                throw new IllegalStateException(
                        "WebSocketDrainHandler must be before WebSocketServerProtocolHandler in the pipeline");
            }
        }
        DrainEvent.of(ctx.channel()).ifPresent(current -> begin(ctx, current));
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        ctx.fireUserEventTriggered(evt);
        if (evt instanceof DrainEvent drain && !ctx.isRemoved()) {
            begin(ctx, drain);
        }
    }

    private void begin(ChannelHandlerContext ctx, DrainEvent drain) {
        event = drain;
        drain.understood(ctx.channel());
        begun |= ctx.pipeline().get(WebSocketFrameEncoder.class) != null;
        proceed(ctx);
        if (begun && !closeWritten) {
            // whichever message goes on for ever
            Timers.after(ctx, drain.atMostHalf(answerLimit), () -> {
                if (drain == event && isToLeave()) {
                    tell(ctx);
                }
            });
        }
    }

    private boolean isToLeave() {
        return event != null && !event.isCancelled() && begun && !closeWritten && !closeReceived;
    }

    /** Takes the next step if nothing is under way. */
    private void proceed(ChannelHandlerContext ctx) {
        if (event != null && begun && !event.isCancelled()) {
            event.protocol(ctx.channel(), "websocket");
        }
        if (isToLeave() && !sending && !receiving && ctx.channel().isActive()) {
            tell(ctx);
        }
    }

    private void tell(ChannelHandlerContext ctx) {
        DrainEvent drain = requireNonNull(event);
        closeWritten = true;
        told = true;
        drain.notified(ctx.channel());
        Timers.after(ctx, min(answerLimit, drain.remaining()), () -> {
            over = true;
            ctx.close();
        });
        ctx.writeAndFlush(new CloseWebSocketFrame(WebSocketCloseStatus.SERVICE_RESTART, reason))
                .addListener(written -> {
                    if (written.isSuccess()) {
                        drain.finished(ctx.channel());
                    }
                });
        readOn(ctx);
    }

    /**
     * Only a read finds the client's answer, and the application may have stopped reading for want of an
     * answer of its own.
     */
    private void readOn(ChannelHandlerContext ctx) {
        if (told && !ctx.channel().config().isAutoRead()) {
            ctx.read();
        }
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        if (msg instanceof WebSocketFrame frame) {
            begun = true;
            if (frame instanceof CloseWebSocketFrame) {
                closeReceived = true;
                if (told) {
                    ReferenceCountUtil.release(msg);
                    end(ctx);
                    return;
                }
            }
            receiving = goesOn(frame, receiving);
        }
        ctx.fireChannelRead(msg);
        proceed(ctx);
    }

    private static boolean goesOn(WebSocketFrame frame, boolean before) {
        boolean data = frame instanceof TextWebSocketFrame
                || frame instanceof BinaryWebSocketFrame
                || frame instanceof ContinuationWebSocketFrame;
        return data ? !frame.isFinalFragment() : before;
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        ctx.fireChannelReadComplete();
        readOn(ctx);
    }

    /** Both sides have said close. The server closes the connection first. */
    private void end(ChannelHandlerContext ctx) {
        if (over) {
            return;
        }
        over = true;
        requireNonNull(event).end(ctx, ctx.write(Unpooled.EMPTY_BUFFER));
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        if (msg instanceof HttpResponse response && isHandshake(response)) {
            ctx.write(msg, whenWritten(ctx, promise));
        } else if (!(msg instanceof WebSocketFrame frame)) {
            ctx.write(msg, promise);
        } else if (closeWritten) {
            ReferenceCountUtil.release(msg);
            promise.tryFailure(new ClosedChannelException());
        } else {
            begun = true;
            closeWritten = frame instanceof CloseWebSocketFrame;
            sending = goesOn(frame, sending);
            ctx.write(msg, promise);
            proceed(ctx);
        }
    }

    /** Not an upgrade to HTTP/2, for example. */
    private static boolean isHandshake(HttpResponse response) {
        return HttpResponseStatus.SWITCHING_PROTOCOLS.equals(response.status())
                && response.headers().containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true);
    }

    /**
     * The handlers of the handshake put the pipeline in order when its response is written; this comes after
     * that.
     */
    private ChannelPromise whenWritten(ChannelHandlerContext ctx, ChannelPromise promise) {
        return promise.unvoid().addListener(written -> {
            if (written.isSuccess()) {
                ctx.executor().execute(() -> {
                    begun = true;
                    if (event != null && !ctx.isRemoved()) {
                        begin(ctx, event);
                    }
                });
            }
        });
    }

    /**
     * The application may close after a write that failed. The client still has to answer, or its close frame
     * might be destroyed.
     */
    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
        boolean waiting = told
                && ctx.channel().isActive()
                && !requireNonNull(event).remaining().isZero();
        if (waiting) {
            ctx.channel().closeFuture().addListener(closed -> promise.trySuccess());
        } else {
            ctx.close(promise);
        }
    }
}
