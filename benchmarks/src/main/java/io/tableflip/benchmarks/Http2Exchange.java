package io.tableflip.benchmarks;

import io.netty.buffer.ByteBufHolder;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.util.AttributeKey;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.examples.FailureKind;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One request on a stream of its own, and its outcome, which is told once. For the event loop's thread.
 *
 * <p>{@link FailureKind#REFUSED} is also a stream that the server says it has not looked at: by REFUSED_STREAM, or by a GOAWAY whose last stream is an earlier one.
 */
final class Http2Exchange extends ChannelInboundHandlerAdapter {
    /** Of a connection, once the server has said GOAWAY: the last stream that it answers. */
    static final AttributeKey<Integer> LAST_STREAM = AttributeKey.valueOf(Http2Exchange.class, "last stream");

    /** Of a connection, once it was reset. */
    static final AttributeKey<Boolean> BROKEN = AttributeKey.valueOf(Http2Exchange.class, "broken");

    private static final Pattern PID = Pattern.compile("\"pid\":(\\d{1,18})");

    private final long intended;
    private final Consumer<Outcome> outcomes;
    private final StringBuilder body = new StringBuilder();
    private final ScheduledFuture<?> timer;
    private @Nullable ChannelHandlerContext stream;
    private boolean responded;
    private boolean isOk;
    private boolean ended;

    /** Its timeout runs from the intended time, whether or not there is a connection. */
    Http2Exchange(EventLoop loop, long intended, Consumer<Outcome> outcomes) {
        this.intended = intended;
        this.outcomes = outcomes;
        long left = Http2Load.TIMEOUT.toNanos() - (System.nanoTime() - intended);
        timer = loop.schedule(this::timeOut, Math.max(0, left), TimeUnit.NANOSECONDS);
    }

    /** What every exchange asks for. */
    static Http2Headers request() {
        return new DefaultHttp2Headers().method("GET").path("/").scheme("https").authority("localhost");
    }

    private void timeOut() {
        end(FailureKind.TIMEOUT);
        if (stream != null) {
            stream.close();
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        stream = ctx;
        ctx.writeAndFlush(new DefaultHttp2HeadersFrame(request(), true)).addListener(written -> {
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
        }
        endIfReset(message);
        ReferenceCountUtil.release(message);
        if (last) {
            end(isOk && pid() != 0 ? null : FailureKind.BAD);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        endIfReset(event);
        ReferenceCountUtil.release(event);
    }

    private void endIfReset(Object message) {
        if (message instanceof Http2ResetFrame reset) {
            end(reset.errorCode() == Http2Error.REFUSED_STREAM.code() ? FailureKind.REFUSED : FailureKind.RESET);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (isLeftOut((Http2StreamChannel) ctx.channel())) {
            end(FailureKind.REFUSED);
        } else if (ctx.channel().parent().hasAttr(BROKEN)) {
            end(FailureKind.RESET);
        } else {
            end(responded ? FailureKind.PARTIAL : FailureKind.EOF);
        }
    }

    private static boolean isLeftOut(Http2StreamChannel stream) {
        Integer last = stream.parent().attr(LAST_STREAM).get();
        return last != null && stream.stream().id() > last;
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

    boolean hasEnded() {
        return ended;
    }

    /** @param failure {@code null} if it was answered */
    void end(@Nullable FailureKind failure) {
        if (ended) {
            return;
        }
        ended = true;
        timer.cancel(false);
        outcomes.accept(new Outcome(intended, System.nanoTime() - intended, failure, failure == null ? pid() : 0));
    }
}
