package io.tableflip.benchmarks;

import io.netty.buffer.ByteBufHolder;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.handler.codec.http2.Http2StreamFrame;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.examples.FailureKind;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One request on a stream of its own, and its outcome, which is told once. For the event loop's thread. */
final class Http2Exchange extends ChannelInboundHandlerAdapter {
    private static final Pattern PID = Pattern.compile("\"pid\":(\\d{1,18})");

    private final long intended;
    private final Consumer<Outcome> outcomes;
    private final StringBuilder body = new StringBuilder();
    private @Nullable ScheduledFuture<?> timer;
    private boolean responded;
    private boolean isOk;
    private boolean ended;

    Http2Exchange(long intended, Consumer<Outcome> outcomes) {
        this.intended = intended;
        this.outcomes = outcomes;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        timer = ctx.executor()
                .schedule(
                        () -> {
                            end(FailureKind.TIMEOUT);
                            ctx.close();
                        },
                        Http2Load.TIMEOUT.toNanos(),
                        TimeUnit.NANOSECONDS);
        DefaultHttp2Headers headers = new DefaultHttp2Headers();
        headers.method("GET").path("/").scheme("https").authority("localhost");
        ctx.writeAndFlush(new DefaultHttp2HeadersFrame(headers, true)).addListener(written -> {
            if (!written.isSuccess()) {
                end(FailureKind.RESET);
            }
        });
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        boolean last = false;
        if (message instanceof Http2HeadersFrame headers) {
            responded = true;
            isOk = "200".contentEquals(headers.headers().status());
            last = headers.isEndStream();
        } else if (message instanceof Http2DataFrame data) {
            body.append(((ByteBufHolder) data).content().toString(StandardCharsets.US_ASCII));
            last = data.isEndStream();
        } else if (message instanceof Http2ResetFrame) {
            end(FailureKind.RESET);
        }
        ReferenceCountUtil.release(message);
        if (last) {
            end(isOk && pid() != 0 ? null : FailureKind.BAD);
        }
    }

    /** A GOAWAY that leaves this stream out comes as an event, as does a reset. */
    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof Http2StreamFrame) {
            end(FailureKind.RESET);
        }
        ReferenceCountUtil.release(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end(responded ? FailureKind.PARTIAL : FailureKind.EOF);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        end(FailureKind.RESET);
        ctx.close();
    }

    private long pid() {
        Matcher matcher = PID.matcher(body);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    /** @param failure {@code null} if it was answered */
    void end(@Nullable FailureKind failure) {
        if (ended) {
            return;
        }
        ended = true;
        if (timer != null) {
            timer.cancel(false);
        }
        outcomes.accept(new Outcome(intended, System.nanoTime() - intended, failure, failure == null ? pid() : 0));
    }
}
