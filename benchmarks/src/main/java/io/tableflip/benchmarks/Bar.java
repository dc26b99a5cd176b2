package io.tableflip.benchmarks;

import org.jspecify.annotations.Nullable;

/**
 * What was aimed at, and what came of it.
 *
 * @param what is compared
 * @param aim in words
 * @param measured in words
 * @param reached whether the aim was reached
 */
record Bar(String what, String aim, String measured, boolean reached) {
    /** One that is reached by a value up to the limit. */
    static Bar atMost(String what, double limit, double value, @Nullable String unit) {
        String suffix = unit == null ? "" : " " + unit;
        return new Bar(what, "at most " + text(limit) + suffix, text(value) + suffix, value <= limit);
    }

    /** One that is reached by a value from the limit on. */
    static Bar atLeast(String what, double limit, double value, @Nullable String unit) {
        String suffix = unit == null ? "" : " " + unit;
        return new Bar(what, "at least " + text(limit) + suffix, text(value) + suffix, value >= limit);
    }

    private static String text(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e6
                ? Long.toString((long) value)
                : String.format("%.3g", value);
    }
}
