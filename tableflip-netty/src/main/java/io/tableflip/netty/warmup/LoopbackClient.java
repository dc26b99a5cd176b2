package io.tableflip.netty.warmup;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

/** The client's end of one connection of a warm-up. For one thread. */
final class LoopbackClient {
    private final Channel channel;
    private final Answers answers;
    private int used;

    private LoopbackClient(Channel channel, Answers answers) {
        this.channel = channel;
        this.answers = answers;
    }

    static LoopbackClient connect(
            LoopbackListener listener, ChannelHandler client, Predicate<Object> endsResponse, Duration timeout)
            throws IOException, InterruptedException {
        Answers answers = new Answers(endsResponse);
        Bootstrap bootstrap = new Bootstrap().handler(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(client)
                        .addLast(answers); // what an initializer adds comes before the answers
            }
        });
        return new LoopbackClient(listener.connect(bootstrap, timeout), answers);
    }

    boolean isUsable(int most) {
        return used < most && channel.isActive();
    }

    boolean wasUsedBefore() {
        return used > 1;
    }

    /** Sends a request, and waits for the end of the response. */
    void exchange(Object request, Duration timeout) throws IOException, InterruptedException {
        used++;
        CompletableFuture<Void> answered = answers.next();
        channel.writeAndFlush(request).addListener(written -> {
            if (!written.isSuccess()) {
                answered.completeExceptionally(channel.isActive() ? written.cause() : Answers.ended());
            }
        });
        try {
            answered.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw new IOException("a request of the warm-up has failed: " + e.getCause(), e.getCause());
        } catch (TimeoutException e) {
            throw new IOException("a request of the warm-up has no response within " + timeout, e);
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

        /**
         * Also the failure of a write that has found the connection closed: which of the two comes first is
         * chance.
         */
        static IOException ended() {
            return new IOException("the server has closed the connection");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            answered.completeExceptionally(cause);
        }
    }
}
