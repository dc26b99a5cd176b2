package io.tableflip.netty.warmup;

import static java.lang.System.Logger.Level.INFO;
import static java.util.Objects.requireNonNull;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.util.AttributeKey;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.core.WarmUp;
import io.tableflip.core.log.Log;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Warms up a new process with requests to itself. They go over real connections on the loopback address,
 * through the child handler of a server, on its event loops. To be given to
 * {@link io.tableflip.core.Upgrader#ready(WarmUp, Duration)}:
 *
 * <pre>{@code
 * WarmUp warmUp = LoopbackWarmUp.http(bootstrap, new DefaultFullHttpRequest(HTTP_1_1, GET, "/")).build();
 * upgrader.ready(warmUp, Duration.ofSeconds(5));
 * }</pre>
 *
 * <p>One request follows the other until the latency no longer falls, or until a number of requests was
 * answered. The handlers treat them like any other request: they read databases, count in metrics and write
 * access logs. So choose requests that change nothing. A handler can recognise them by {@link #isWarmUp}.
 *
 * <p>The warm-up listens on a free port of the loopback address as long as it lasts, with the options,
 * attributes and child handler of the bootstrap. It serves only its own connections, and closes all others.
 * Where there is no loopback address the warm-up fails, and the process takes over without it.
 */
public final class LoopbackWarmUp implements WarmUp {
    private static final System.Logger LOG = Log.get();
    private static final AttributeKey<Boolean> WARM_UP = AttributeKey.valueOf(LoopbackWarmUp.class, "warmUp");

    private final Builder plan;

    private LoopbackWarmUp(Builder plan) {
        this.plan = plan;
    }

    /** Whether an accepted connection is one of a warm-up. */
    public static boolean isWarmUp(Channel channel) {
        return channel.hasAttr(WARM_UP);
    }

    /**
     * For a server of HTTP/1.1 without TLS; needs {@code netty-codec-http}.
     *
     * @param bootstrap of the server; it is not changed
     * @param requests are sent in turn, each as a copy. With a Host field, if the application needs one
     */
    public static Builder http(ServerBootstrap bootstrap, FullHttpRequest... requests) {
        return new Builder(bootstrap, HttpClient.codec(), List.of(requests), HttpClient.IS_LAST);
    }

    /**
     * For any protocol, TLS included.
     *
     * @param bootstrap of the server; it is not changed
     * @param client turns requests into bytes, and bytes into messages; added to a pipeline for each
     *     connection, so a {@link io.netty.channel.ChannelInitializer} as a rule
     * @param requests are sent in turn; reference-counted ones as a duplicate
     * @param endsResponse whether a message is the last one of a response
     */
    public static Builder of(
            ServerBootstrap bootstrap, ChannelHandler client, List<?> requests, Predicate<Object> endsResponse) {
        return new Builder(bootstrap, client, requests, endsResponse);
    }

    /** Builds a {@link LoopbackWarmUp}. Not thread-safe. */
    public static final class Builder {
        private final ServerBootstrap bootstrap;
        private final ChannelHandler client;
        private final List<?> requests;
        private final Predicate<Object> endsResponse;
        private int maxRequests = 20_000;
        private int requestsPerConnection = 10;
        private double cpuShare = 1;
        private Duration requestTimeout = Duration.ofSeconds(2);

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

        /**
         * Sets the maximum number of requests, if the latency does not reach a plateau; 20,000 by default.
         */
        public Builder maxRequests(int number) {
            if (number < 1) {
                throw new IllegalArgumentException("max requests: " + number);
            }
            maxRequests = number;
            return this;
        }

        /**
         * Sets how many requests a connection has before there is a new one; 10 by default: clients will
         * connect anew, too.
         */
        public Builder requestsPerConnection(int number) {
            if (number < 1) {
                throw new IllegalArgumentException("requests per connection: " + number);
            }
            requestsPerConnection = number;
            return this;
        }

        /**
         * Sets the share of the time in which requests are in progress, above 0 and up to 1, the default: the
         * parent serves on the same processors.
         */
        public Builder cpuShare(double share) {
            if (!(share > 0 && share <= 1)) {
                throw new IllegalArgumentException("cpu share: " + share + " is not above 0 and up to 1");
            }
            cpuShare = share;
            return this;
        }

        /** Sets how long a response may take before the warm-up fails; 2 seconds by default. */
        public Builder requestTimeout(Duration timeout) {
            if (timeout.isNegative() || timeout.isZero()) {
                throw new IllegalArgumentException("request timeout: " + timeout + " is not more than zero");
            }
            requestTimeout = timeout;
            return this;
        }

        /**
         * Builds the warm-up.
         *
         * @throws IllegalStateException if the bootstrap has no child handler
         */
        public LoopbackWarmUp build() {
            if (bootstrap.config().childHandler() == null) {
                throw new IllegalStateException("the bootstrap has no childHandler(..) to warm up");
            }
            return new LoopbackWarmUp(this);
        }
    }

    /**
     * Sends the requests.
     *
     * @throws IOException if there is no loopback address, a response does not come in time, or a connection
     *     ends without one
     * @throws InterruptedException if the thread is interrupted
     */
    @Override
    public void run() throws IOException, InterruptedException {
        try (LoopbackListener listener = LoopbackListener.open(plan.bootstrap, WARM_UP, plan.requestTimeout)) {
            warmUp(listener);
        }
    }

    private void warmUp(LoopbackListener listener) throws IOException, InterruptedException {
        LatencyPlateau latency = new LatencyPlateau();
        @Nullable LoopbackClient connection = null;
        int sent = 0;
        boolean settled = false;
        try {
            while (sent < plan.maxRequests && !settled) {
                if (connection == null || !connection.isUsable(plan.requestsPerConnection)) {
                    close(connection);
                    connection = LoopbackClient.connect(listener, plan.client, plan.endsResponse, plan.requestTimeout);
                }
                long began = System.nanoTime();
                if (!isAnswered(connection, copy(plan.requests.get(sent % plan.requests.size())))) {
                    continue;
                }
                long took = System.nanoTime() - began;
                sent++;
                settled = latency.add(took);
                rest(took, plan.cpuShare);
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

    /**
     * Not if the server has closed the connection behind its last response: the next connection gets the
     * request.
     */
    private boolean isAnswered(LoopbackClient connection, Object request) throws IOException, InterruptedException {
        try {
            connection.exchange(request, plan.requestTimeout);
            return true;
        } catch (IOException e) {
            if (connection.wasUsedBefore() && !connection.isUsable(Integer.MAX_VALUE)) {
                return false;
            }
            throw e;
        }
    }

    private static void close(@Nullable LoopbackClient connection) {
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

    /** Waits so long that the work was that share of the time. */
    static void rest(long worked, double share) throws InterruptedException {
        if (share < 1) {
            LockSupport.parkNanos((long) (worked * (1 / share - 1)));
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }
}
