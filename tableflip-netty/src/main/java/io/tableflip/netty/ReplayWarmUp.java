package io.tableflip.netty;

import static java.lang.System.Logger.Level.INFO;
import static java.util.Objects.requireNonNull;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.util.AttributeKey;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.core.WarmUp;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Warms up a new process with requests that go through the child handler of a server, over connections inside this process: they have
 * no socket, and no client sees anything of them. To be given to {@link io.tableflip.core.Upgrader#ready(WarmUp, Duration)}:
 *
 * <pre>{@code
 * WarmUp warmUp = ReplayWarmUp.http(bootstrap, new DefaultFullHttpRequest(HTTP_1_1, GET, "/")).build();
 * upgrader.ready(warmUp, Duration.ofSeconds(5));
 * }</pre>
 *
 * <p>One request goes after the other, until the latency has settled, or a number of them was answered. They are requests like any other for the handlers: they read
 * databases, count in metrics and write to access logs. So choose those that change nothing; a handler can tell by {@link #isReplay}.
 *
 * <p>Between them connections without any handler of the user are made to a listener of its own on the loopback address, one for each of the replay, on the event
 * loops of the bootstrap if they are of the epoll transport: accepting, reading and writing are to be warm, too. That listener is there as long as the warm-up lasts. Where
 * there is no loopback address, that is left out.
 *
 * <p>The connections of the requests are {@link io.netty.channel.socket.SocketChannel}s, with the child options and attributes of the bootstrap, on an event loop of their own. A
 * pipeline that needs the channel class of a transport, or native TLS that needs a descriptor, cannot be warmed up so.
 */
public final class ReplayWarmUp implements WarmUp {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final AttributeKey<Boolean> REPLAY = AttributeKey.valueOf(ReplayWarmUp.class, "replay");

    private final Builder plan;

    private ReplayWarmUp(Builder plan) {
        this.plan = plan;
    }

    /** Whether a connection is one of a warm-up. */
    public static boolean isReplay(Channel channel) {
        return channel.hasAttr(REPLAY);
    }

    /**
     * For a server of HTTP/1.1 without TLS; needs {@code netty-codec-http}.
     *
     * @param bootstrap of the server; it is not changed
     * @param requests are sent in turn, each as a copy. With a Host field, if the application wants one
     */
    public static Builder http(ServerBootstrap bootstrap, FullHttpRequest... requests) {
        return new Builder(bootstrap, HttpReplay.client(), List.of(requests), HttpReplay.IS_LAST);
    }

    /**
     * For any protocol.
     *
     * @param bootstrap of the server; it is not changed
     * @param client makes bytes of what is sent, and messages of the bytes that come back; added to a pipeline for each connection, so a
     *     {@link io.netty.channel.ChannelInitializer} as a rule
     * @param requests are sent in turn; what is reference-counted, as a duplicate
     * @param endsResponse whether a message that came back is the last one of a response
     */
    public static Builder of(
            ServerBootstrap bootstrap, ChannelHandler client, List<?> requests, Predicate<Object> endsResponse) {
        return new Builder(bootstrap, client, requests, endsResponse);
    }

    /** Describes a warm-up. */
    public static final class Builder {
        private final ServerBootstrap bootstrap;
        private final ChannelHandler client;
        private final List<?> requests;
        private final Predicate<Object> endsResponse;
        private int most = 20_000;
        private int perConnection = 10;
        private double effort = 1;
        private Duration patience = Duration.ofSeconds(2);

        private Builder(
                ServerBootstrap bootstrap, ChannelHandler client, List<?> requests, Predicate<Object> endsResponse) {
            this.bootstrap = requireNonNull(bootstrap);
            this.client = requireNonNull(client);
            this.requests = List.copyOf(requests);
            this.endsResponse = requireNonNull(endsResponse);
            if (requests.isEmpty()) {
                throw new IllegalArgumentException("no request to warm up with");
            }
        }

        /** How many requests there are at most, should the latency not settle; 20,000 by default. */
        public Builder maxRequests(int number) {
            if (number < 1) {
                throw new IllegalArgumentException("max requests: " + number);
            }
            most = number;
            return this;
        }

        /** How many requests a connection has before there is a new one; 10 by default: clients will come anew, too. */
        public Builder requestsPerConnection(int number) {
            if (number < 1) {
                throw new IllegalArgumentException("requests per connection: " + number);
            }
            perConnection = number;
            return this;
        }

        /** Which share of the time requests are under way, above 0 and up to 1, which is the default: the parent serves on the same processors. */
        public Builder effort(double share) {
            if (!(share > 0 && share <= 1)) {
                throw new IllegalArgumentException("effort: " + share + " is not above 0 and up to 1");
            }
            effort = share;
            return this;
        }

        /** How long a response may take, before the warm-up is given up; 2 seconds by default. */
        public Builder patience(Duration time) {
            if (time.isNegative() || time.isZero()) {
                throw new IllegalArgumentException("patience: " + time + " is not more than zero");
            }
            patience = time;
            return this;
        }

        /**
         * Builds the warm-up.
         *
         * @throws IllegalStateException if the bootstrap has no child handler
         */
        public ReplayWarmUp build() {
            if (bootstrap.config().childHandler() == null) {
                throw new IllegalStateException("the bootstrap has no childHandler(..) to warm up");
            }
            return new ReplayWarmUp(this);
        }
    }

    /**
     * Sends the requests.
     *
     * @throws IOException if a response does not come in time, or the connection ends without one
     * @throws InterruptedException if the thread is interrupted
     */
    @Override
    public void run() throws IOException, InterruptedException {
        EventLoop loop = new DefaultEventLoop(task -> {
            Thread thread = new Thread(task, "tableflip-replay");
            thread.setDaemon(true);
            return thread;
        });
        try (ReplayTransport transport = ReplayTransport.open(plan.bootstrap, plan.patience)) {
            replay(loop, transport);
        } finally {
            loop.shutdownGracefully(0, plan.patience.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    private void replay(EventLoop loop, ReplayTransport transport) throws IOException, InterruptedException {
        Settling latency = new Settling();
        @Nullable ReplayConnection connection = null;
        int sent = 0;
        boolean settled = false;
        try {
            while (sent < plan.most && !settled) {
                if (connection == null || !connection.isUsable(plan.perConnection)) {
                    close(connection);
                    warm(transport);
                    connection = ReplayConnection.open(loop, plan.bootstrap, plan.client, plan.endsResponse, REPLAY);
                }
                long began = System.nanoTime();
                if (!isAnswered(connection, copy(plan.requests.get(sent % plan.requests.size())))) {
                    continue;
                }
                long took = System.nanoTime() - began;
                sent++;
                settled = latency.add(took);
                rest(took, plan.effort);
            }
        } finally {
            close(connection);
            LOG.log(
                    INFO,
                    "warm-up: {0} requests, the first took {1} µs, the last ones {2} µs{3}",
                    Integer.toString(sent),
                    Long.toString(latency.first() / 1000),
                    Long.toString(latency.last() / 1000),
                    settled ? "" : ", not settled");
        }
    }

    private void warm(ReplayTransport transport) throws InterruptedException {
        long began = System.nanoTime();
        transport.exchange();
        rest(System.nanoTime() - began, plan.effort);
    }

    /** Not if the server has closed a connection behind its last response: the next one gets the request. */
    private boolean isAnswered(ReplayConnection connection, Object request) throws IOException, InterruptedException {
        try {
            connection.exchange(request, plan.patience);
            return true;
        } catch (IOException e) {
            if (connection.wasUsedBefore() && !connection.isUsable(Integer.MAX_VALUE)) {
                return false;
            }
            throw e;
        }
    }

    private static void close(@Nullable ReplayConnection connection) {
        if (connection != null) {
            connection.close();
        }
    }

    private static Object copy(Object request) {
        if (request instanceof ByteBufHolder holder) {
            return holder.retainedDuplicate();
        }
        return request instanceof ByteBuf bytes ? bytes.retainedDuplicate() : ReferenceCountUtil.retain(request);
    }

    /** So long that the work was that share of the time. */
    static void rest(long worked, double effort) throws InterruptedException {
        if (effort < 1) {
            LockSupport.parkNanos((long) (worked * (1 / effort - 1)));
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }
}
