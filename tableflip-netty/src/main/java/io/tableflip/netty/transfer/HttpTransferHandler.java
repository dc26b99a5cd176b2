package io.tableflip.netty.transfer;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.DefaultHttpObject;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpExpectationFailedEvent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.tableflip.netty.exchange.HttpParts;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes connections of HTTP/1.1 transferable, and those of WebSocket that come of them. Each connection needs
 * a new one, which is added in the {@code childHandler}. Its place in the pipeline is right behind {@code
 * HttpServerCodec}, or right behind the later one of {@code HttpRequestDecoder} and {@code
 * HttpResponseEncoder}. Drain handlers may stand in between.
 *
 * <p>A connection of HTTP is transferred when every request that has begun is answered. What the client has
 * sent of the next ones travels along.
 *
 * <p>A connection of WebSocket is transferred between two messages of either side. In the new process its
 * pipeline is made as for every client: the request that asked for WebSocket comes through it once more, and
 * {@link TransferredConnection#of} tells the application that its client is not a new one. The response goes
 * nowhere. If it grants other extensions or another subprotocol than the client was told, or is none that the
 * client can use, the connection is closed with code 1012, service restart. An application that answers
 * messages later than in {@code channelRead} {@linkplain Leaving#postpone postpones} the transfer.
 *
 * <p>Not transferred, but drained, are connections with TLS or HTTP/2, tunnels (CONNECT), other protocols
 * that come of an upgrade, WebSocket extensions except permessage-deflate, and those of a client whose
 * request the codec cannot read.
 */
public final class HttpTransferHandler extends ChannelDuplexHandler {
    private final HttpTap tap = new HttpTap(this);
    private @Nullable ChannelHandlerContext codec;

    /** Creates a handler for one connection. */
    public HttpTransferHandler() {}

    /**
     * Creates a handler for a connection that was accepted in this process and is active already, whose codec
     * was chosen by its first bytes. None of them may have reached the codec. When the handler is in the
     * pipeline, they must be passed on from its head, with {@code pipeline.fireChannelRead}.
     *
     * <p>The codec of a connection for which {@link TransferredConnection#of} has something must be there
     * before it is active: its client has sent its first bytes to the old process.
     */
    public static HttpTransferHandler beforeFirstRead() {
        HttpTransferHandler handler = new HttpTransferHandler();
        handler.tap.beginLate();
        return handler;
    }

    /**
     * @throws IllegalStateException if this is not behind the codec, or the pipeline has a handler for
     *     transfers already
     */
    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        boolean behind = false;
        for (Map.Entry<String, ChannelHandler> each : ctx.pipeline()) {
            ChannelHandler handler = each.getValue();
            if (handler == this) {
                behind = true;
            } else if (handler instanceof HttpServerCodec || handler instanceof HttpRequestDecoder) {
                codec = ctx.pipeline().context(handler);
                checkPlace(behind);
            } else if (handler instanceof HttpResponseEncoder) {
                checkPlace(behind);
            }
        }
        checkPlace(codec == null);
        tap.install(ctx);
    }

    private static void checkPlace(boolean isWrong) {
        if (isWrong) {
            throw new IllegalStateException(
                    "HttpTransferHandler must be behind the HTTP codec: add it right after HttpServerCodec");
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        tap.ownerRemoved();
    }

    /** Another protocol has taken its place: HTTP/2, if none is known. */
    boolean isCodecGone() {
        return codec != null && codec.isRemoved();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        if (tap.isTransferred()) {
            ReferenceCountUtil.release(msg); // half a message, from a codec that is closed
            return;
        }
        WebSocketLink link = tap.webSocket();
        if (link == null) {
            receivedHttp(msg);
        } else if (msg instanceof WebSocketFrame frame) {
            link.received(ctx.pipeline(), frame);
        }
        ctx.fireChannelRead(msg);
    }

    private void receivedHttp(Object msg) {
        HttpRequest request = HttpParts.request(msg);
        if (request != null) {
            tap.received(request);
        } else if (tap.input().hasBody() && msg instanceof HttpContent content) {
            tap.input().content(content.content().readableBytes());
        }
        if (HttpParts.isLast(msg)) {
            if (msg instanceof DefaultHttpObject part && part.decoderResult().isFailure()) {
                tap.input().fail();
            }
            tap.requestEnded();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        if (evt instanceof HttpExpectationFailedEvent) {
            tap.expectationFailed();
        }
        ctx.fireUserEventTriggered(evt);
    }

    /** A codec that is closed in the middle of a message may complain of it. */
    @Override
    @SuppressWarnings("deprecation") // of ChannelHandler; that of inbound handlers is not
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (!tap.isTransferred()) {
            ctx.fireExceptionCaught(cause);
        }
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
        WebSocketLink link = tap.webSocket();
        if (link != null) {
            if (msg instanceof WebSocketFrame frame) {
                link.sent(frame);
            }
            ctx.write(msg, promise);
            return;
        }
        HttpResponse response = HttpParts.response(msg);
        boolean opens = response != null && tap.responds(response);
        tap.written(msg);
        ctx.write(msg, opens ? promise.unvoid().addListener(this::opened) : promise);
    }

    private void opened(Future<?> response) {
        if (response.isSuccess()) {
            tap.opened();
        }
    }
}
