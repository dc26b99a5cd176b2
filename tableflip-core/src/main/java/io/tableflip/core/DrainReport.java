package io.tableflip.core;

import java.time.Duration;

/**
 * What became of the connections (or jobs) that were open when a drain began. Immutable and thread-safe.
 *
 * <p>Each is counted once, as finished, idle or forced; told counts across these.
 */
public final class DrainReport {
    /** There was nothing to drain. */
    public static final DrainReport NOTHING = builder().build();

    private final long finished;
    private final long idle;
    private final long forced;
    private final long told;
    private final Duration elapsed;

    private DrainReport(Builder builder) {
        finished = builder.finished;
        idle = builder.idle;
        forced = builder.forced;
        told = builder.told;
        elapsed = builder.elapsed;
    }

    /** A builder that begins with zeros. */
    public static Builder builder() {
        return new Builder();
    }

    /** How many there were in all. */
    public long total() {
        return finished + idle + forced;
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
    public long told() {
        return told;
    }

    /** How long the drain took. */
    public Duration elapsed() {
        return elapsed;
    }

    /** This report and another of the same drain in one: counts are added, the longer time stands. */
    public DrainReport plus(DrainReport other) {
        return builder()
                .finished(finished + other.finished)
                .idle(idle + other.idle)
                .forced(forced + other.forced)
                .told(told + other.told)
                .elapsed(elapsed.compareTo(other.elapsed) >= 0 ? elapsed : other.elapsed)
                .build();
    }

    /** A line for people: {@code 42 connections: 40 finished, 1 idle closed, 1 forced; 38 told; 1204 ms}. */
    @Override
    public String toString() {
        return total() + " connections: " + finished + " finished, " + idle + " idle closed, " + forced + " forced; "
                + told + " told; " + elapsed.toMillis() + " ms";
    }

    /** Builds a {@link DrainReport}. Not thread-safe. */
    public static final class Builder {
        private long finished;
        private long idle;
        private long forced;
        private long told;
        private Duration elapsed = Duration.ZERO;

        private Builder() {}

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

        /** Sets {@link DrainReport#told()}. */
        public Builder told(long count) {
            told = count;
            return this;
        }

        /** Sets {@link DrainReport#elapsed()}. */
        public Builder elapsed(Duration time) {
            elapsed = time;
            return this;
        }

        /** The report. */
        public DrainReport build() {
            return new DrainReport(this);
        }
    }
}
