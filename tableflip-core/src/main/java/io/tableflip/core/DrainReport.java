package io.tableflip.core;

import static java.util.Objects.requireNonNull;

import io.tableflip.core.text.Printable;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What became of the connections (or jobs) that were open when a drain began. Immutable and thread-safe.
 *
 * <p>Each is counted once, as transferred, finished, idle or forced; notified counts across these. Where
 * protocols are known, {@link #protocols()} has the same counts for each of them.
 */
public final class DrainReport {
    /** There was nothing to drain. */
    public static final DrainReport NOTHING = builder().build();

    private final long transferred;
    private final long finished;
    private final long idle;
    private final long forced;
    private final long notified;
    private final Duration elapsed;
    private final SortedMap<String, DrainReport> protocols;
    private final SortedMap<String, Long> notTransferred;

    private DrainReport(Builder builder) {
        transferred = builder.transferred;
        notTransferred = Collections.unmodifiableSortedMap(new TreeMap<>(builder.notTransferred));
        finished = builder.finished;
        idle = builder.idle;
        forced = builder.forced;
        notified = builder.notified;
        elapsed = builder.elapsed;
        protocols = Collections.unmodifiableSortedMap(new TreeMap<>(builder.protocols));
    }

    /** A builder that begins with zeros. */
    public static Builder builder() {
        return new Builder();
    }

    /** How many there were in all. */
    public long total() {
        return transferred + finished + idle + forced;
    }

    /** How many go on in the new process. */
    public long transferred() {
        return transferred;
    }

    /**
     * Why connections of listeners that transfer theirs were not transferred, with the number of each: {@code
     * tls},
     * {@code response owed}. Each of them is counted as finished, idle or forced. Cannot be modified.
     */
    public Map<String, Long> notTransferred() {
        return notTransferred;
    }

    /** How many ended before the timeout, by themselves or because they were asked to. */
    public long finished() {
        return finished;
    }

    /** How many were closed at the timeout with nothing under way. */
    public long idle() {
        return idle;
    }

    /** How many were cut off at the timeout with work under way. */
    public long forced() {
        return forced;
    }

    /** How many were asked to leave in the words of their protocol, {@code Connection: close} for example. */
    public long notified() {
        return notified;
    }

    /** How long the drain took. */
    public Duration elapsed() {
        return elapsed;
    }

    /**
     * The counts by protocol, sorted by its name; empty if the protocols are not known. Cannot be modified.
     * Connections whose protocol is not known are counted under {@code other}.
     */
    public Map<String, DrainReport> protocols() {
        return protocols;
    }

    /**
     * This report and another of the same drain in one: counts are added, by protocol too, the longer time
     * stands.
     */
    public DrainReport plus(DrainReport other) {
        Builder sum = builder();
        sum.protocols.putAll(protocols);
        other.protocols.forEach((protocol, counts) -> sum.protocols.merge(protocol, counts, DrainReport::plus));
        sum.notTransferred.putAll(notTransferred);
        other.notTransferred.forEach((reason, count) -> sum.notTransferred.merge(reason, count, Long::sum));
        return sum.transferred(transferred + other.transferred)
                .finished(finished + other.finished)
                .idle(idle + other.idle)
                .forced(forced + other.forced)
                .notified(notified + other.notified)
                .elapsed(elapsed.compareTo(other.elapsed) >= 0 ? elapsed : other.elapsed)
                .build();
    }

    /**
     * A line for people: {@code 42 connections: 40 finished, 1 idle closed, 1 forced; 38 notified; 1204 ms},
     * and behind it what is not zero by protocol: {@code (http/1.1: 40 finished, 38 notified; websocket: 1
     * idle closed, 1 forced)}. Where connections are transferred: {@code 42 connections: 40 transferred, 2
     * finished, 0 idle closed, 0 forced; 2 notified; 31 ms; not transferred: tls 2}.
     */
    @Override
    public String toString() {
        boolean transfers = transferred > 0 || !notTransferred.isEmpty();
        String all = total() + " connections: " + (transfers ? transferred + " transferred, " : "") + finished
                + " finished, " + idle + " idle closed, " + forced + " forced; " + notified + " notified; "
                + elapsed.toMillis() + " ms";
        String reasons = notTransferred.isEmpty() ? "" : "; not transferred: " + reasons();
        return all + reasons + (protocols.isEmpty() ? "" : " (" + byProtocol() + ")");
    }

    private String reasons() {
        return notTransferred.entrySet().stream()
                .map(entry -> Printable.of(entry.getKey()) + " " + entry.getValue())
                .collect(Collectors.joining(", "));
    }

    private String byProtocol() {
        return protocols.entrySet().stream()
                .map(entry ->
                        Printable.of(entry.getKey()) + ": " + entry.getValue().brief())
                .collect(Collectors.joining("; "));
    }

    private String brief() {
        StringJoiner parts = new StringJoiner(", ").setEmptyValue("none");
        add(parts, transferred, " transferred");
        add(parts, finished, " finished");
        add(parts, idle, " idle closed");
        add(parts, forced, " forced");
        add(parts, notified, " notified");
        return parts.toString();
    }

    private static void add(StringJoiner parts, long count, String name) {
        if (count > 0) {
            parts.add(count + name);
        }
    }

    /** Builds a {@link DrainReport}. Not thread-safe. */
    public static final class Builder {
        private long transferred;
        private long finished;
        private long idle;
        private long forced;
        private long notified;
        private Duration elapsed = Duration.ZERO;
        private final Map<String, DrainReport> protocols = new TreeMap<>();
        private final Map<String, Long> notTransferred = new TreeMap<>();

        private Builder() {}

        /** Sets {@link DrainReport#transferred()}. */
        public Builder transferred(long count) {
            transferred = count;
            return this;
        }

        /** Sets what {@link DrainReport#notTransferred()} has for one reason. Adds nothing to the counts. */
        public Builder notTransferred(String reason, long count) {
            notTransferred.put(requireNonNull(reason), count);
            return this;
        }

        /** Sets {@link DrainReport#finished()}. */
        public Builder finished(long count) {
            finished = count;
            return this;
        }

        /** Sets {@link DrainReport#idle()}. */
        public Builder idle(long count) {
            idle = count;
            return this;
        }

        /** Sets {@link DrainReport#forced()}. */
        public Builder forced(long count) {
            forced = count;
            return this;
        }

        /** Sets {@link DrainReport#notified()}. */
        public Builder notified(long count) {
            notified = count;
            return this;
        }

        /** Sets {@link DrainReport#elapsed()}. */
        public Builder elapsed(Duration time) {
            elapsed = time;
            return this;
        }

        /**
         * Sets what {@link DrainReport#protocols()} has for one protocol. Adds nothing to the counts of the
         * whole.
         */
        public Builder protocol(String name, DrainReport counts) {
            protocols.put(requireNonNull(name), requireNonNull(counts));
            return this;
        }

        /** The report. */
        public DrainReport build() {
            return new DrainReport(this);
        }
    }
}
