package io.tableflip.examples;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * A client that forgives nothing: it sends HTTP requests at a given rate and counts each that fails, by the way in which
 * it failed. It never tries a request again.
 *
 * <p>The load is open: requests have a time at which they are to be sent, which does not depend on the answers to
 * earlier ones, and latencies count from that time. (With {@link Builder#maxInFlight} it is open only up to that number.) One part of the requests goes over connections that are kept, idle for
 * various times up to two seconds between requests; each of the others gets a connection of its own. (So does one that
 * finds all kept connections at work or in their idle time; but only as many at a time as there are kept connections.)
 * On a connection that the server has closed while it was idle no request is sent, as any good client would see to; a
 * request that has been written when the connection ends has failed.
 *
 * <p>Thread-safe. The load runs on a daemon thread of its own.
 */
public final class StrictLoad implements AutoCloseable {
    private final LoadTally tally;
    private final LoadEngine engine;
    private final CompletableFuture<LoadResult> result = new CompletableFuture<>();

    private StrictLoad(LoadSettings settings) throws IOException {
        long start = System.nanoTime();
        tally = new LoadTally(start);
        engine = new LoadEngine(settings, tally, start);
    }

    /** Begins to describe a load. */
    public static Builder builder() {
        return new Builder();
    }

    private StrictLoad begin() {
        Thread thread = new Thread(this::run, "strict-load");
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    private void run() {
        try {
            engine.run();
            result.complete(tally.result(System.nanoTime()));
        } catch (Throwable broken) {
            // A load that broke down must not pass for one without failures.
            result.completeExceptionally(broken);
        }
    }

    /** What the load has seen up to now. */
    public LoadCounts counts() {
        return tally.counts();
    }

    /**
     * Sends no more requests, and waits until those under way have their outcome: as long as the timeout of a request at
     * most.
     *
     * @throws IllegalStateException if the load itself broke down
     */
    public LoadResult stop() {
        engine.stop();
        return await();
    }

    /**
     * Waits until the load has ended because its duration is over, or because {@link #stop()} was called.
     *
     * @throws IllegalStateException if the load itself broke down
     */
    public LoadResult await() {
        try {
            return result.join();
        } catch (CompletionException e) {
            throw new IllegalStateException("the load broke down", e.getCause());
        }
    }

    /** Ends the load at once; requests under way get no outcome. Does nothing if it has ended. */
    @Override
    public void close() {
        engine.abort();
        result.exceptionally(broken -> null).join();
    }

    /** Describes a {@link StrictLoad}. Not thread-safe. */
    public static final class Builder {
        private @Nullable InetSocketAddress target;
        private String path = "/";
        private LoadRequest.Kind slow = new LoadRequest.Kind("/", 1, 0);
        private double slowShare;
        private LoadRequest.Kind stream = new LoadRequest.Kind("/", 1, 0);
        private double streamShare;
        private double rate = 100;
        private @Nullable Duration duration;
        private int connections = 32;
        private List<Duration> thinkTimes = List.of(
                Duration.ZERO,
                Duration.ofMillis(20),
                Duration.ofMillis(200),
                Duration.ofSeconds(1),
                Duration.ofSeconds(2));
        private double newShare = 0.25;
        private Duration timeout = Duration.ofSeconds(10);
        private boolean helpers = true;
        private int maxInFlight = Integer.MAX_VALUE;
        private long seed = 1;
        private boolean anyBody;

        private Builder() {}

        /** The server. */
        public Builder target(InetSocketAddress address) {
            target = requireNonNull(address);
            return this;
        }

        /** Path and query of the requests; {@code /} by default. */
        public Builder path(String path) {
            this.path = requireNonNull(path);
            return this;
        }

        /** Makes this share of the requests ask for {@code /slow} with the given delay; none by default. */
        public Builder slow(double share, Duration delay) {
            slowShare = share("slow", share);
            slow = new LoadRequest.Kind("/slow?ms=" + delay.toMillis(), 1, delay.toNanos());
            return this;
        }

        /** Makes this share of the requests ask for {@code /stream} with so many chunks at such a distance; none by default. */
        public Builder stream(double share, int chunks, Duration distance) {
            streamShare = share("stream", share);
            long delay = distance.multipliedBy(Math.max(0, chunks - 1)).toNanos();
            String query = "/stream?chunks=" + chunks + "&ms=" + distance.toMillis();
            stream = new LoadRequest.Kind(query, chunks, delay);
            return this;
        }

        /** Requests per second, 100 by default. */
        public Builder rate(double perSecond) {
            if (!(perSecond > 0 && perSecond <= 1e6)) {
                throw new IllegalArgumentException("rate: " + perSecond + " is not between 0 and a million");
            }
            rate = perSecond;
            return this;
        }

        /** How long to send requests; without end by default. */
        public Builder duration(Duration time) {
            duration = requireNonNull(time);
            return this;
        }

        /** How many connections are kept, 32 by default. */
        public Builder connections(int number) {
            if (number < 1) {
                throw new IllegalArgumentException("connections: " + number + " is less than 1");
            }
            connections = number;
            return this;
        }

        /** Lets a request that finds all kept connections at work wait for one of them: so there are never more than these. */
        public Builder withoutHelpers() {
            helpers = false;
            return this;
        }

        /** How long kept connections are idle between requests: each connection takes the next of these times, in turns. */
        public Builder thinkTimes(Duration... times) {
            if (times.length == 0) {
                throw new IllegalArgumentException("no think times");
            }
            thinkTimes = List.of(times);
            return this;
        }

        /** The share of requests that get a new connection each, a quarter by default. */
        public Builder newShare(double share) {
            newShare = share("new", share);
            return this;
        }

        /** How long a request may take, from the time when it was to be sent, beyond the delay it asks for; 10 s by default. */
        public Builder timeout(Duration timeout) {
            this.timeout = requireNonNull(timeout);
            return this;
        }

        /**
         * Sends no more requests while this many have no outcome yet; unlimited by default. A server or a machine that is slow gets fewer
         * requests then, and is not buried under those that it has no time for.
         */
        public Builder maxInFlight(int number) {
            if (number < 1) {
                throw new IllegalArgumentException("in flight: " + number + " is less than 1");
            }
            maxInFlight = number;
            return this;
        }

        /** Another seed gives other requests at the same times; 1 by default. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Does not look at the bodies of responses: for other servers than the example. */
        public Builder anyBody() {
            anyBody = true;
            return this;
        }

        /**
         * Begins to send.
         *
         * @throws IllegalStateException if there is no target
         * @throws IOException if this process has no descriptors left
         */
        public StrictLoad start() throws IOException {
            InetSocketAddress address = target;
            if (address == null || address.isUnresolved()) {
                throw new IllegalStateException("no target, or one whose host is unknown: " + address);
            }
            String host = address.getHostString();
            LoadSettings settings = new LoadSettings(
                    address,
                    (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + address.getPort(),
                    new LoadRequest.Kind(path, 1, 0),
                    slow,
                    slowShare,
                    stream,
                    streamShare,
                    rate,
                    duration,
                    connections,
                    helpers,
                    thinkTimes,
                    newShare,
                    timeout,
                    maxInFlight,
                    seed,
                    anyBody);
            return new StrictLoad(settings).begin();
        }

        private static double share(String what, double share) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException(what + " share: " + share + " is not between 0 and 1");
            }
            return share;
        }
    }
}
