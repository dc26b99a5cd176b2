package io.tableflip.netty.exchange;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import org.jspecify.annotations.Nullable;

/**
 * What is under way on an HTTP/1.1 connection: requests that are received, and responses that are sent in
 * their order. On the event loop.
 */
public final class HttpExchanges {
    /** A request was received, whatever became of it. */
    private boolean begun;
    /** Requests whose final response has not begun. */
    private int unanswered;
    /** A final response has begun and not ended. */
    private boolean responding;
    /** The end of the request that came last has not been received. */
    private boolean receiving;
    /** The request that came last is a CONNECT. */
    private boolean connect;
    /** The end of the response that was written last: those before it are sent before it. */
    private @Nullable ChannelFuture written;

    /** Takes note of the head of a request. */
    public void received(HttpRequest request) {
        begun = true;
        unanswered++;
        receiving = true;
        connect = HttpMethod.CONNECT.equals(request.method());
    }

    /** Its end was received, or none will come; tells whether that is news. */
    public boolean requestEnded() {
        boolean ended = receiving;
        receiving = false;
        return ended;
    }

    /** Takes note of the head of a response; tells whether it is a final one. */
    public boolean begins(HttpResponse response) {
        responding = response.status().codeClass() != HttpStatusClass.INFORMATIONAL || isSwitch(response);
        if (responding) {
            unanswered = Math.max(0, unanswered - 1);
        }
        return responding;
    }

    /** What follows this response, which has begun, is another protocol. */
    public boolean handsOver(HttpResponse response) {
        boolean tunnel = connect && unanswered == 0 && response.status().codeClass() == HttpStatusClass.SUCCESS;
        return tunnel || isSwitch(response);
    }

    private static boolean isSwitch(HttpResponse response) {
        return response.status().code() == HttpResponseStatus.SWITCHING_PROTOCOLS.code();
    }

    /** Takes note of a part of a response; tells whether it is the end of a final one. */
    public boolean ends(Object part) {
        boolean end = responding && HttpParts.isLast(part);
        responding &= !end;
        return end;
    }

    /**
     * The end of a response was written; it is under way until it is sent. Not a void promise, which is never
     * done.
     */
    public void sending(ChannelFuture end) {
        written = end;
    }

    /**
     * Calls back on the event loop when what was written is sent, unless it is already. A promise of the
     * application may call back on any thread.
     */
    public void whenSent(ChannelHandlerContext ctx, Runnable step) {
        ChannelFuture last = written;
        if (last != null && !last.isDone()) {
            last.addListener(done -> {
                if (ctx.executor().inEventLoop()) {
                    step.run();
                } else {
                    ctx.executor().execute(step);
                }
            });
        }
    }

    private boolean isSending() {
        return written != null && !written.isDone();
    }

    /** A request was received, whatever became of it. */
    public boolean hasBegun() {
        return begun;
    }

    /** Nothing was received that is not answered by the response that has begun last. */
    public boolean isAnswered() {
        return unanswered == 0;
    }

    /** A final response has begun, and its end was not written. */
    public boolean isResponding() {
        return responding;
    }

    /** The end of the request that came last was not received. */
    public boolean isReceiving() {
        return receiving;
    }

    /** Something is received, owed, or being sent. */
    public boolean isUnderWay() {
        return unanswered > 0 || responding || receiving || isSending();
    }
}
