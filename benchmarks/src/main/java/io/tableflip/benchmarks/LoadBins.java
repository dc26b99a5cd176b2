package io.tableflip.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.LongStream;

/** The outcomes around one moment of each upgrade of a contender, all upgrades laid over each other, in steps of time. */
final class LoadBins {
    static final double FROM_MILLIS = -500;
    static final double TO_MILLIS = 1_250;
    static final double STEP_MILLIS = 50;

    private final List<List<Double>> latencies = new ArrayList<>();
    private final long[] failures = new long[(int) ((TO_MILLIS - FROM_MILLIS) / STEP_MILLIS)];

    private LoadBins() {
        for (int i = 0; i < failures.length; i++) {
            latencies.add(new ArrayList<>());
        }
    }

    /** @param moments of a trial, on the clock of its outcomes */
    static LoadBins around(Function<LoadTrial, LongStream> moments, List<LoadTrial> trials) {
        LoadBins bins = new LoadBins();
        for (LoadTrial trial : trials) {
            for (long moment : moments.apply(trial).toArray()) {
                trial.load().outcomes().forEach(outcome -> bins.add(outcome, moment));
            }
        }
        return bins;
    }

    private void add(Outcome outcome, long moment) {
        double millis = (outcome.intendedNanos() - moment) / 1e6;
        if (millis < FROM_MILLIS || millis >= TO_MILLIS) {
            return;
        }
        int bin = (int) ((millis - FROM_MILLIS) / STEP_MILLIS);
        if (outcome.isAnswered()) {
            latencies.get(bin).add(outcome.latencyNanos() / 1e6);
        } else {
            failures[bin]++;
        }
    }

    int count() {
        return failures.length;
    }

    boolean isEmpty(int bin) {
        return latencies.get(bin).isEmpty();
    }

    /** Milliseconds that this share of the answered requests did not exceed. */
    double quantile(int bin, double share) {
        return Sample.of(latencies.get(bin)).quantile(share);
    }

    long failures(int bin) {
        return failures[bin];
    }

    /** The greatest latency of all, in milliseconds. */
    double max() {
        return latencies.stream()
                .flatMap(List::stream)
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(0);
    }
}
