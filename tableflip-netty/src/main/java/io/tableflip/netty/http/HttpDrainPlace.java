package io.tableflip.netty.http;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpServerCodec;
import io.tableflip.core.log.Log;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The place of an {@link HttpDrainHandler} in its pipeline: behind all handlers of the HTTP/1.1 codec. */
final class HttpDrainPlace {
    private static final System.Logger LOG = Log.get();

    /** The first misplaced handler of this process was logged as a warning; package-private for tests. */
    static final AtomicBoolean WARNED = new AtomicBoolean();

    private HttpDrainPlace() {}

    /** Returns the last handler of the codec if it is behind this context, where it must not be. */
    static @Nullable ChannelHandlerContext codecBehind(ChannelHandlerContext ctx) {
        String last = null;
        boolean behind = false;
        for (Map.Entry<String, ChannelHandler> each : ctx.pipeline()) {
            if (each.getValue() == ctx.handler()) {
                behind = true;
            } else if (behind && isCodec(each.getValue())) {
                last = each.getKey();
            }
        }
        return last == null ? null : ctx.pipeline().context(last);
    }

    private static boolean isCodec(ChannelHandler handler) {
        return handler instanceof HttpServerCodec
                || handler instanceof HttpRequestDecoder
                || handler instanceof HttpResponseEncoder;
    }

    /** Moves the handler of this context right behind the codec. On the executor of the context. */
    @SuppressWarnings("deprecation") // since Netty 4.2: an executor for a handler, which a user may have chosen
    static void move(ChannelHandlerContext ctx, ChannelHandlerContext codec) {
        ChannelPipeline pipeline = ctx.pipeline();
        boolean isOnLoop = ctx.executor() == ctx.channel().eventLoop();
        log(ctx, codec);
        pipeline.remove(ctx.handler());
        pipeline.addAfter(isOnLoop ? null : ctx.executor(), codec.name(), ctx.name(), ctx.handler());
    }

    private static void log(ChannelHandlerContext ctx, ChannelHandlerContext codec) {
        boolean first = WARNED.compareAndSet(false, true);
        if (!first && !LOG.isLoggable(DEBUG)) {
            return;
        }
        StringJoiner handlers = new StringJoiner(", ");
        ctx.pipeline().forEach(each -> handlers.add(nameOf(each.getValue())));
        LOG.log(
                first ? WARNING : DEBUG,
                "misplaced HttpDrainHandler moved behind the HTTP codec: channel " + ctx.channel() + ", pipeline "
                        + handlers + "; add it right after " + nameOf(codec.handler())
                        + (first ? ". Further connections: at level DEBUG" : ""));
    }

    /** Without the package. Anonymous classes have a name too. */
    private static String nameOf(ChannelHandler handler) {
        String name = handler.getClass().getName();
        return name.substring(name.lastIndexOf('.') + 1);
    }
}
