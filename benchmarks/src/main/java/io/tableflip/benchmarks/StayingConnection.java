package io.tableflip.benchmarks;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ThreadLocalRandom;

/**
 * One connection of a client that never reconnects. Its requests are numbered, and each answer has to carry
 * the number of the oldest request without an answer. Only for its event loop.
 */
final class StayingConnection extends SimpleChannelInboundHandler<FullHttpResponse> {
    /** The header of requests, and of their answers. */
    static final String NUMBER = "X-Number";

    private final Channel channel;
    private final StayingKind kind;
    private final int id;
    private final StayingTally tally;
    private final Runnable firstAnswer;
    private final Deque<Request> unanswered = new ArrayDeque<>();
    private int numbers;
    private int halves;
    /** The first answer is there. */
    private boolean connected;

    private boolean ended;
    /** Nothing more is sent. */
    private boolean finishing;

    private record Request(int number, long sentNanos) {}

    /**
     * @param id distinguishes the connections
     * @param firstAnswer called when the first request is answered
     */
    StayingConnection(Channel channel, StayingKind kind, int id, StayingTally tally, Runnable firstAnswer) {
        this.channel = channel;
        this.kind = kind;
        this.id = id;
        this.tally = tally;
        this.firstAnswer = firstAnswer;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        tally.connected();
        send("/", 1);
    }

    /** Whether the server has neither closed it nor announced to do so. */
    boolean isOpen() {
        return !ended;
    }

    /** Whether everything that was begun has come to its end. */
    boolean isSettled() {
        return ended || (unanswered.isEmpty() && halves == 0);
    }

    int unanswered() {
        return unanswered.size();
    }

    void begin() {
        kind.begin(this);
    }

    /** Sends nothing more but what belongs to the end. */
    void finish() {
        kind.end(this);
        finishing = true;
    }

    /** Closes it, after which what has no answer is lost. */
    void close() {
        if (!ended) {
            tally.lost(unanswered.size(), false);
            ended = true;
        }
        channel.close();
    }

    void send(String path, int count) {
        if (ended || finishing) {
            return;
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append(head(path, numbers));
            sent();
        }
        write(text.toString());
    }

    void sendInHalves(String path, int millis) {
        String head = head(path, numbers);
        int cut = 1 + ThreadLocalRandom.current().nextInt(head.length() - 1);
        halves++;
        write(head.substring(0, cut));
        channel.eventLoop()
                .schedule(
                        () -> {
                            halves--;
                            if (!ended) {
                                sent();
                                write(head.substring(cut));
                            }
                        },
                        millis,
                        MILLISECONDS);
    }

    private String head(String path, int number) {
        return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + NUMBER + ": " + id + "." + number + "\r\n\r\n";
    }

    private void sent() {
        tally.sent();
        unanswered.add(new Request(numbers, System.nanoTime()));
        numbers++;
    }

    private void write(String text) {
        channel.writeAndFlush(Unpooled.copiedBuffer(text, US_ASCII));
    }

    /** Does this after some time, unless it is the end. */
    void later(int millis, Runnable step) {
        channel.eventLoop()
                .schedule(
                        () -> {
                            if (!ended && !finishing) {
                                step.run();
                            }
                        },
                        millis,
                        MILLISECONDS);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpResponse response) {
        if (ended) {
            return; // behind an answer that closes the connection
        }
        if (response.decoderResult().isFailure()) {
            tally.wrong();
            ctx.close();
            return;
        }
        account(
                String.valueOf(response.headers().get(NUMBER)),
                response.status().equals(HttpResponseStatus.OK));
        if (!HttpUtil.isKeepAlive(response)) {
            end(true);
        } else if (connected) {
            kind.answered(this);
        } else {
            connected = true;
            firstAnswer.run();
        }
    }

    private void account(String number, boolean isSuccess) {
        Request oldest = unanswered.peek();
        if (oldest != null && !isSuccess) { // an error of a server may have no number
            tally.wrong();
            unanswered.remove();
        } else if (oldest != null && number.equals(id + "." + oldest.number())) {
            unanswered.remove();
            if (kind == StayingKind.BUSY && connected) {
                tally.waited(oldest.sentNanos(), System.nanoTime());
            }
        } else if (unanswered.removeIf(request -> number.equals(id + "." + request.number()))) {
            tally.reordered();
        } else if (isOfThisConnection(number)) {
            tally.doubled();
        } else {
            tally.reordered(); // of another client, or of none
        }
    }

    private boolean isOfThisConnection(String number) {
        return number.startsWith(id + ".");
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end(false);
    }

    private void end(boolean byAnswer) {
        if (!ended) {
            ended = true;
            tally.ended();
            tally.lost(unanswered.size(), byAnswer);
            unanswered.clear();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close(); // a reset is an end like any other
    }
}
