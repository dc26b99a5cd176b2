package io.tableflip.netty;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.bootstrap.ServerBootstrapConfig;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.util.AttributeKey;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

/** A connection of a warm-up, as its client sees it. For one thread. */
final class ReplayConnection {
    private final ReplayChannel channel;
    private final Answers answers;
    private int used;

    private ReplayConnection(ReplayChannel channel, Answers answers) {
        this.channel = channel;
        this.answers = answers;
    }

    /** As an acceptor does it, but for the gate and the drain, which have nothing to do with it. */
    static ReplayConnection open(
            EventLoop loop,
            ServerBootstrap bootstrap,
            ChannelHandler client,
            Predicate<Object> endsResponse,
            AttributeKey<Boolean> mark)
            throws IOException, InterruptedException {
        ReplayChannel here = new ReplayChannel();
        ReplayChannel there = new ReplayChannel();
        here.connectTo(there);
        Answers answers = new Answers(endsResponse);
        here.pipeline().addLast(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(client)
                        .addLast(answers); // what an initializer adds comes before the answers
            }
        });
        ServerBootstrapConfig config = bootstrap.config();
        there.pipeline().addLast(config.childHandler());
        config.childOptions().forEach((option, value) -> set(there, option, value));
        config.childAttrs().forEach((key, value) -> set(there, key, value));
        there.attr(mark).set(true);
        boolean open = false;
        try {
            for (Channel end : new Channel[] {there, here}) {
                if (!loop.register(end).await().isSuccess()) {
                    throw new IOException("no connection to warm up with");
                }
            }
            open = true;
            return new ReplayConnection(here, answers);
        } finally {
            if (!open) { // interrupted, maybe between the two: the server's end may be in somebody's count
                loop.execute(() -> there.unsafe().closeForcibly());
            }
        }
    }

    @SuppressWarnings("unchecked") // of the map, whose values are of the type of their keys
    static <T> void set(Channel channel, ChannelOption<T> option, Object value) {
        channel.config().setOption(option, (T) value);
    }

    @SuppressWarnings("unchecked")
    private static <T> void set(Channel channel, AttributeKey<T> key, Object value) {
        channel.attr(key).set((T) value);
    }

    boolean isUsable(int most) {
        return used < most && channel.isActive();
    }

    boolean wasUsedBefore() {
        return used > 1;
    }

    /** Sends a request, and waits for the end of the response. */
    void exchange(Object request, Duration patience) throws IOException, InterruptedException {
        used++;
        CompletableFuture<Void> answered = answers.next();
        channel.writeAndFlush(request).addListener(written -> {
            if (!written.isSuccess()) {
                answered.completeExceptionally(channel.isActive() ? written.cause() : Answers.ended());
            }
        });
        try {
            answered.get(patience.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw new IOException("a request of the warm-up has failed: " + e.getCause(), e.getCause());
        } catch (TimeoutException e) {
            throw new IOException("a request of the warm-up has no response within " + patience, e);
        }
    }

    void close() {
        channel.close();
    }

    private static final class Answers extends ChannelInboundHandlerAdapter {
        private final Predicate<Object> endsResponse;
        private volatile CompletableFuture<Void> answered = new CompletableFuture<>();

        Answers(Predicate<Object> endsResponse) {
            this.endsResponse = endsResponse;
        }

        CompletableFuture<Void> next() {
            CompletableFuture<Void> next = new CompletableFuture<>();
            answered = next;
            return next;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            try {
                if (endsResponse.test(message)) {
                    answered.complete(null);
                }
            } finally {
                ReferenceCountUtil.release(message);
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            answered.completeExceptionally(ended());
        }

        /** Also of a write that has found the connection closed: which of the two comes first is chance. */
        static IOException ended() {
            return new IOException("the server has closed the connection");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            answered.completeExceptionally(cause);
        }
    }
}
