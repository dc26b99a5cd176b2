package io.tableflip.benchmarks;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import java.util.ArrayDeque;
import java.util.Queue;

/** Gives each response the number of its request. */
final class NumberHandler extends ChannelDuplexHandler {
    private static final String NONE = "";

    private final Queue<String> numbers = new ArrayDeque<>();

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof HttpRequest request) {
            String number = request.headers().get(StayingConnection.NUMBER);
            numbers.add(number == null ? NONE : number);
        }
        ctx.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        if (message instanceof HttpResponse response) {
            response.headers().set(StayingConnection.NUMBER, numbers.remove());
        }
        ctx.write(message, promise);
    }
}
