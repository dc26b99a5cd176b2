package io.tableflip.benchmarks;

import java.util.Arrays;
import java.util.Collection;
import java.util.Random;

/** Values of the same measurement, repeated. Immutable. */
final class Sample {
    private static final int RESAMPLES = 10_000;

    private final double[] sorted;

    private Sample(double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("no values");
        }
        sorted = values.clone();
        Arrays.sort(sorted);
    }

    static Sample of(double... values) {
        return new Sample(values);
    }

    static Sample of(Collection<? extends Number> values) {
        return new Sample(values.stream().mapToDouble(Number::doubleValue).toArray());
    }

    int size() {
        return sorted.length;
    }

    double min() {
        return sorted[0];
    }

    double max() {
        return sorted[sorted.length - 1];
    }

    double median() {
        return median(sorted);
    }

    /** The value that this share of the values does not exceed: 0.5 for the lower median, 1 for the greatest. */
    double quantile(double share) {
        int rank = (int) Math.ceil(share * sorted.length);
        return sorted[Math.max(1, Math.min(rank, sorted.length)) - 1];
    }

    /**
     * Where the median of all possible repeats lies, with a confidence of 95%, by the bootstrap (Efron): medians of values drawn from these. The
     * same values give the same interval.
     */
    Interval confidence() {
        Random random = new Random(1);
        double[] medians = new double[RESAMPLES];
        double[] drawn = new double[sorted.length];
        for (int i = 0; i < RESAMPLES; i++) {
            for (int j = 0; j < drawn.length; j++) {
                drawn[j] = sorted[random.nextInt(sorted.length)];
            }
            Arrays.sort(drawn);
            medians[i] = median(drawn);
        }
        Arrays.sort(medians);
        return new Interval(medians[RESAMPLES * 25 / 1000], medians[RESAMPLES * 975 / 1000 - 1]);
    }

    private static double median(double[] sorted) {
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** From a value to another one. */
    record Interval(double low, double high) {}

    /** Median, and least and greatest value, with so many digits. */
    String text(int digits) {
        String format = "%." + digits + "f";
        return String.format(format + " (" + format + " to " + format + ")", median(), min(), max());
    }
}
