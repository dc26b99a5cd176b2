package io.tableflip.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** The outcomes around the upgrades of one contender, all upgrades laid over each other, in steps of time. */
final class LoadBins {
    static final double FROM_MILLIS = -1_000;
    static final double TO_MILLIS = 2_500;
    static final double STEP_MILLIS = 50;

    private final List<List<Double>> latencies = new ArrayList<>();
    private final long[] failures = new long[(int) ((TO_MILLIS - FROM_MILLIS) / STEP_MILLIS)];

    private LoadBins() {
        for (int i = 0; i < failures.length; i++) {
            latencies.add(new ArrayList<>());
        }
    }

    static LoadBins of(List<LoadTrial> trials) {
        LoadBins bins = new LoadBins();
        for (LoadTrial trial : trials) {
            for (ContenderServer.Mark mark : trial.marks()) {
                trial.load().outcomes().forEach(outcome -> bins.add(outcome, mark.nanos()));
            }
        }
        return bins;
    }

    private void add(Outcome outcome, long signal) {
        double millis = (outcome.intendedNanos() - signal) / 1e6;
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
