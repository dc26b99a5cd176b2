package io.tableflip.examples;

import static io.netty.handler.codec.http.HttpResponseStatus.BAD_REQUEST;
import static io.netty.handler.codec.http.HttpResponseStatus.METHOD_NOT_ALLOWED;
import static io.netty.handler.codec.http.HttpResponseStatus.NOT_FOUND;
import static io.netty.handler.codec.http.HttpResponseStatus.OK;
import static io.netty.handler.codec.http.HttpVersion.HTTP_1_0;
import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;

/** Answers the requests of one connection, one after the other, in the order in which they came. */
public final class HttpExampleHandler extends SimpleChannelInboundHandler<HttpObject> {
    private static final int MAX_MILLIS = 3_600_000;
    private static final int MAX_CHUNKS = 1_000_000;

    private final ByteBuf description;
    private final Queue<HttpRequest> waiting = new ArrayDeque<>();
    private boolean busy;
    /** The request that is answered is one of HTTP/1.0: ab still makes such. */
    private boolean isOld;

    /** It asks for the connection to be kept, which takes a yes there. */
    private boolean wantsYes;

    /** @param description the body of an answer; it is never released */
    public HttpExampleHandler(ByteBuf description) {
        this.description = description;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, HttpObject message) {
        if (message instanceof HttpRequest request) { // the rest are bodies, which nobody wants
            waiting.add(request);
            work(ctx);
        }
    }

    private void work(ChannelHandlerContext ctx) {
        while (!busy && !waiting.isEmpty()) {
            busy = true;
            accept(ctx, waiting.remove());
        }
        // While one request takes its time, no more of them are read; only a few have been already.
        ctx.channel().config().setAutoRead(!busy);
    }

    private void accept(ChannelHandlerContext ctx, HttpRequest request) {
        isOld = request.protocolVersion().equals(HTTP_1_0);
        wantsYes = isOld && HttpUtil.isKeepAlive(request);
        QueryStringDecoder uri = new QueryStringDecoder(request.uri());
        if (!request.decoderResult().isSuccess()) {
            answer(ctx, BAD_REQUEST, text("this is not HTTP/1.1"));
        } else if (!List.of("/", "/slow", "/stream").contains(uri.path())) {
            answer(ctx, NOT_FOUND, text("there are /, /slow?ms=N and /stream?chunks=N&ms=M"));
        } else if (!request.method().equals(HttpMethod.GET)) {
            answer(ctx, METHOD_NOT_ALLOWED, text("only GET"));
        } else {
            get(ctx, uri);
        }
    }

    private void get(ChannelHandlerContext ctx, QueryStringDecoder uri) {
        try {
            switch (uri.path()) {
                case "/slow" -> {
                    int delay = number(uri, "ms", 1000, MAX_MILLIS);
                    later(ctx, delay, () -> answer(ctx, OK, description.duplicate()));
                }
                case "/stream" ->
                    stream(ctx, number(uri, "chunks", 10, MAX_CHUNKS), number(uri, "ms", 100, MAX_MILLIS));
                default -> answer(ctx, OK, description.duplicate());
            }
        } catch (IllegalArgumentException e) {
            answer(ctx, BAD_REQUEST, text("wrong query: " + e.getMessage()));
        }
    }

    private void answer(ChannelHandlerContext ctx, HttpResponseStatus status, ByteBuf body) {
        FullHttpResponse response = new DefaultFullHttpResponse(HTTP_1_1, status, body);
        HttpUtil.setContentLength(response, body.readableBytes());
        if (wantsYes) {
            response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
        }
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, status.equals(OK) ? "application/json" : "text/plain");
        if (status.equals(METHOD_NOT_ALLOWED)) {
            response.headers().set(HttpHeaderNames.ALLOW, HttpMethod.GET);
        } else if (status.equals(BAD_REQUEST)) {
            HttpUtil.setKeepAlive(response, false); // who knows what comes next
        }
        ctx.writeAndFlush(response);
        busy = false;
    }

    private void stream(ChannelHandlerContext ctx, int chunks, int distance) {
        HttpResponse response = new DefaultHttpResponse(HTTP_1_1, OK);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/x-ndjson");
        if (!isOld) { // to such a client it ends with the connection, which HttpServerKeepAliveHandler sees to
            response.headers().set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        }
        ctx.write(response);
        continueStream(ctx, chunks, distance);
    }

    private void continueStream(ChannelHandlerContext ctx, int chunks, int distance) {
        if (!ctx.channel().isActive()) {
            return; // the client has left
        }
        if (chunks > 0) {
            ctx.writeAndFlush(new DefaultHttpContent(description.duplicate()));
        }
        if (chunks > 1) {
            later(ctx, distance, () -> continueStream(ctx, chunks - 1, distance));
        } else {
            ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
            busy = false;
        }
    }

    /** Does this after a delay, and then what has come in the meantime. */
    private void later(ChannelHandlerContext ctx, int millis, Runnable step) {
        ctx.executor()
                .schedule(
                        () -> {
                            step.run();
                            work(ctx);
                        },
                        millis,
                        MILLISECONDS);
    }

    private static int number(QueryStringDecoder uri, String name, int otherwise, int max) {
        List<String> values = uri.parameters().getOrDefault(name, List.of(Integer.toString(otherwise)));
        String value = values.get(0);
        if (!value.matches("\\d{1,9}") || Integer.parseInt(value) > max) {
            throw new IllegalArgumentException(name + " is not a number from 0 to " + max);
        }
        return Integer.parseInt(value);
    }

    private static ByteBuf text(String line) {
        return Unpooled.wrappedBuffer((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** A client that broke the connection is nothing to write home about; its requests end with it. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (!(cause instanceof IOException)) {
            System.getLogger("io.tableflip.examples").log(System.Logger.Level.WARNING, "a request failed", cause);
        }
        ctx.close();
    }
}
