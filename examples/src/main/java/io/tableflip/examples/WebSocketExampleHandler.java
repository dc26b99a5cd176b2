package io.tableflip.examples;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler.HandshakeComplete;
import io.netty.util.concurrent.Future;
import io.tableflip.netty.transfer.Leaving;
import io.tableflip.netty.transfer.TransferEvent;
import io.tableflip.netty.transfer.TransferredConnection;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** One session: answers messages, and counts seconds. */
final class WebSocketExampleHandler extends SimpleChannelInboundHandler<Object> {
    private static final String TICKS = "ticks";

    private final String prefix;
    private long ticks;
    private @Nullable Future<?> pushes;

    WebSocketExampleHandler(int generation) {
        prefix = ProcessHandle.current().pid() + " " + generation + " ";
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, Object message) {
        if (message instanceof TextWebSocketFrame text) {
            ctx.writeAndFlush(new TextWebSocketFrame(prefix + text.text()));
        } else if (message instanceof FullHttpRequest) {
            notFound(ctx);
        }
    }

    private static void notFound(ChannelHandlerContext ctx) {
        DefaultFullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.NOT_FOUND);
        response.headers()
                .set(HttpHeaderNames.CONTENT_LENGTH, 0)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        ctx.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof HandshakeComplete) { // a client's, or that of a session from the old process
            ticks = TransferredConnection.of(ctx.channel())
                    .flatMap(connection -> connection.state(TICKS))
                    .map(state -> ByteBuffer.wrap(state).getLong())
                    .orElse(0L);
            startPushes(ctx);
        } else if (event instanceof Leaving leaving) {
            if (pushes != null) {
                stopPushes();
                leaving.state(
                        TICKS, ByteBuffer.allocate(Long.BYTES).putLong(ticks).array());
            }
        } else if (event == TransferEvent.CALLED_OFF && pushes != null) {
            startPushes(ctx);
        }
        ctx.fireUserEventTriggered(event);
    }

    private void startPushes(ChannelHandlerContext ctx) {
        pushes = ctx.executor().scheduleAtFixedRate(() -> push(ctx), 1, 1, SECONDS);
    }

    private void push(ChannelHandlerContext ctx) {
        ctx.writeAndFlush(new TextWebSocketFrame("tick " + ++ticks));
    }

    private void stopPushes() {
        if (pushes != null) {
            pushes.cancel(false);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        stopPushes();
        ctx.fireChannelInactive();
    }

    /** A client that broke the connection is nothing to write home about. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (!(cause instanceof IOException)) {
            System.getLogger("io.tableflip.examples").log(System.Logger.Level.WARNING, "a session failed", cause);
        }
        ctx.close();
    }
}
