package io.tableflip.netty.transfer;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.util.concurrent.Future;
import io.tableflip.core.log.Log;
import io.tableflip.netty.exchange.HttpExchanges;
import io.tableflip.netty.transfer.TransferRecord.Part;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Knows the boundaries of HTTP/1.1, and of the WebSocket that comes of it. It learns from its owner, behind
 * the codec, what the bytes have become. In the new process a WebSocket comes about as every other does: by
 * its request, whose response goes nowhere.
 */
final class HttpTap extends Tap {
    private static final System.Logger LOG = Log.get();
    private static final AtomicBoolean WARNED = new AtomicBoolean();
    /** For an application that looks up who the user is before it answers a handshake. */
    private static final int REPLAY_SECONDS = 10;

    private final HttpTransferHandler owner;
    private final HttpInput input = new HttpInput();
    private final HttpExchanges exchanges = new HttpExchanges();
    /** What the codec was given, and has found no request in; {@code null} if there is nothing. */
    private @Nullable ByteBuf begun;
    /** It was too long to be kept. */
    private boolean begunLost;
    /** The client or the application has said that this connection ends. */
    private boolean closing;
    /** A request for WebSocket was received, and not answered otherwise. */
    private boolean handshaking;
    /** The head of that request; {@code null} if it is not exactly known. */
    private byte @Nullable [] upgrade;

    private @Nullable WebSocketLink webSocket;
    /** The response to the handshake, until it is there. */
    private @Nullable HandshakeReplay replay;
    /** What came along, until the handshake is complete. */
    private @Nullable TransferRecord arriving;

    private @Nullable Future<?> timer;
    private boolean refused;

    HttpTap(HttpTransferHandler owner) {
        super(TransferRecord.Kind.HTTP, owner);
        this.owner = owner;
    }

    // what is read

    @Override
    int next(ByteBuf bytes) {
        return webSocket == null
                ? input.next(bytes, !isLeaving() && begun == null)
                : webSocket.input().next(bytes);
    }

    @Override
    void pass(ChannelHandlerContext context, ByteBuf part) {
        if (webSocket == null) {
            passHttp(context, part);
        } else {
            passFrame(context, part, webSocket.input());
        }
    }

    private void passHttp(ChannelHandlerContext context, ByteBuf part) {
        if (handshaking) {
            upgrade = null; // nobody knows whether these bytes are of HTTP
        }
        input.partBegins();
        if (!input.isInHead()) {
            context.fireChannelRead(part);
            input.partPassed();
            return;
        }
        int from = part.readerIndex();
        int length = part.readableBytes();
        part.retain(); // so that nobody overwrites it
        context.fireChannelRead(part);
        if (input.isUnknown()) {
            keep(context, part, from, length);
            if (owner.isCodecGone()) {
                passOn("http/2");
            }
        } else {
            if (handshaking) {
                noteUpgrade(part.slice(from, length));
            }
            forget();
        }
        part.release();
        input.partPassed();
    }

    private void passFrame(ChannelHandlerContext context, ByteBuf part, WebSocketInput frames) {
        if (frames.isAtEnd()) {
            forget();
        } else if (frames.length() > TransferRecord.LONGEST) {
            forget();
            begunLost = true;
        } else {
            keep(context, part, part.readerIndex(), part.readableBytes());
        }
        context.fireChannelRead(part);
    }

    private void keep(ChannelHandlerContext context, ByteBuf part, int from, int length) {
        int before = begun == null ? 0 : begun.readableBytes();
        if (begunLost || isPassing() || before + length > TransferRecord.LONGEST) {
            forget();
            begunLost = true;
            return;
        }
        if (begun == null) {
            begun = context.alloc().buffer(Math.max(256, length));
        }
        begun.writeBytes(part, from, length);
    }

    /** The request for WebSocket is the last one in what was kept and this part, unless more is in there. */
    private void noteUpgrade(ByteBuf part) {
        ByteBuf all = begun == null ? part : Unpooled.wrappedBuffer(begun.duplicate(), part);
        byte[] bytes = ByteBufUtil.getBytes(all);
        int last = input.hasEnded() ? HttpInput.lastHead(bytes, input.heads()) : -1;
        upgrade = last < 0 ? null : Arrays.copyOfRange(bytes, last, bytes.length);
    }

    @Override
    @Nullable
    ByteBuf begun() {
        return begun;
    }

    @Override
    void giveUp(ChannelHandlerContext context) {
        forget();
    }

    @Override
    void forget() {
        begunLost = false;
        if (begun != null) {
            begun.release();
            begun = null;
        }
    }

    // what the owner tells

    HttpInput input() {
        return input;
    }

    @Nullable
    WebSocketLink webSocket() {
        return webSocket;
    }

    void received(HttpRequest request) {
        input.head(request);
        exchanges.received(request);
        closing |= isLast(request);
        handshaking = request.headers().contains(HttpHeaderNames.UPGRADE)
                && request.headers().containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true);
    }

    /**
     * Whether the connection ends with this message and its response. Most say nothing, which is quickly
     * seen.
     */
    private static boolean isLast(HttpMessage message) {
        boolean isSilent = message.protocolVersion().isKeepAliveDefault()
                && !message.headers().contains(HttpHeaderNames.CONNECTION);
        return !isSilent && !HttpUtil.isKeepAlive(message);
    }

    void requestEnded() {
        input.end();
        exchanges.requestEnded();
    }

    void expectationFailed() {
        input.expectationFailed();
        exchanges.requestEnded();
        changed();
    }

    /** The head of a response is about to be written; tells whether WebSocket begins behind it. */
    boolean responds(HttpResponse response) {
        if (!exchanges.begins(response)) {
            return false;
        }
        if (exchanges.handsOver(response)) {
            if (isWebSocket(response)) {
                webSocket = new WebSocketLink(new Negotiated(response));
            } else {
                passOn(response.headers().contains(HttpHeaderNames.UPGRADE, "h2c", true) ? "http/2" : "tunnel");
            }
        } else {
            handshaking = false;
            upgrade = null;
            closing |= isLast(response);
        }
        return webSocket != null;
    }

    private boolean isWebSocket(HttpResponse response) {
        return handshaking
                && HttpResponseStatus.SWITCHING_PROTOCOLS.equals(response.status())
                && response.headers().containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true);
    }

    void written(Object part) {
        exchanges.ends(part);
    }

    // boundaries

    @Override
    @Nullable
    String inputObstacle() {
        if (webSocket != null) {
            return begunLost ? "message being received" : webSocket.inputObstacle();
        }
        return begunLost || !input.isInHead() ? "request being received" : null;
    }

    @Override
    @Nullable
    String protocolObstacle() {
        if (webSocket != null) {
            return webSocket.obstacle();
        }
        if (handshaking) {
            return "handshake";
        }
        if (!exchanges.isAnswered()) {
            return "response owed";
        }
        if (exchanges.isResponding()) {
            return "response under way";
        }
        return closing ? "closing" : null;
    }

    @Override
    @Nullable
    String protocolNeverReason() {
        if (webSocket != null) {
            return upgrade == null ? "unknown handshake" : webSocket.neverReason();
        }
        if (owner.isCodecGone()) {
            return "http/2";
        }
        return input.hasFailed() ? "bad request" : null;
    }

    @Override
    void describe(TransferRecord record) {
        if (webSocket != null && upgrade != null) {
            record.with(Part.UPGRADE, upgrade)
                    .with(Part.NEGOTIATED, webSocket.negotiated().toString().getBytes(UTF_8))
                    .with(Part.WINDOW, webSocket.window());
        }
    }

    // the handshake once more

    @Override
    void restore(ChannelHandlerContext context, TransferRecord record) {
        byte[] request = record.part(Part.UPGRADE);
        if (request.length == 0) {
            finishArrival(context);
            return;
        }
        HandshakeReplay begins = new HandshakeReplay(new String(record.part(Part.NEGOTIATED), UTF_8));
        replay = begins;
        arriving = record;
        timer = context.executor()
                .schedule(
                        () -> refuse(context, "no response within " + REPLAY_SECONDS + " s"), REPLAY_SECONDS, SECONDS);
        inject(context, request);
    }

    /** The handshake was answered, and all handlers know. */
    void opened() {
        if (webSocket == null) {
            return;
        }
        webSocket.opened();
        changed();
        if (arriving != null) {
            // behind what handlers do in tasks when the handshake is complete
            context().channel().eventLoop().execute(this::goOnInWebSocket);
        }
    }

    private void goOnInWebSocket() {
        TransferRecord record = arriving;
        WebSocketLink link = webSocket;
        if (record == null || link == null || refused) {
            return;
        }
        stopTimer();
        arriving = null;
        byte[] window = record.part(Part.WINDOW);
        if (window.length > 0 && !link.restoreWindow(context(), window)) {
            refuse(context(), "there is no decompressor");
        } else {
            finishArrival(context());
        }
    }

    private void stopTimer() {
        if (timer != null) {
            timer.cancel(false);
        }
    }

    /** The client cannot go on here. It connects again when it is told that the service restarts. */
    private void refuse(ChannelHandlerContext context, String why) {
        stopTimer();
        replay = null;
        refused = true;
        boolean isFirst = WARNED.compareAndSet(false, true);
        LOG.log(
                isFirst ? WARNING : DEBUG,
                "WebSocket from the old process closed (1012): " + context.channel() + ": its handshake has another"
                        + " result here: " + why + (isFirst ? ". Further connections: at level DEBUG" : ""));
        context.writeAndFlush(WebSocketLink.closeFrame()).addListener(written -> context.close());
    }

    @Override
    public void write(ChannelHandlerContext context, Object msg, ChannelPromise promise) {
        if (refused) {
            drop(msg, promise);
        } else if (replay != null && msg instanceof ByteBuf bytes && !isTransferred()) {
            answered(context, replay, bytes, promise);
        } else {
            super.write(context, msg, promise);
        }
    }

    private void answered(
            ChannelHandlerContext context, HandshakeReplay current, ByteBuf bytes, ChannelPromise promise) {
        current.swallow(bytes);
        if (!current.isOver()) {
            bytes.release();
            promise.trySuccess();
            return;
        }
        replay = null;
        String difference = current.difference(webSocket);
        if (difference != null) {
            refuse(context, difference);
            drop(bytes, promise);
        } else if (bytes.isReadable()) {
            super.write(context, bytes, promise);
        } else {
            bytes.release();
            promise.trySuccess(); // whereupon the handlers of the handshake change the pipeline
        }
    }

    /** An application that closes the connection instead of answering the handshake. */
    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        if (replay != null && context.channel().isActive()) {
            refuse(context, "the connection is closed");
        }
        context.close(promise);
    }
}
