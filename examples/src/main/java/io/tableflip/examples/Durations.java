package io.tableflip.examples;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as people write them: {@code 500ms}, {@code 30s}, {@code 1m}, {@code 2h}. */
final class Durations {
    private static final Pattern FORM = Pattern.compile("(\\d{1,9})(ms|s|m|h)");

    private Durations() {}

    /** @throws IllegalArgumentException if this is none of these forms */
    static Duration parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("not a duration such as 500ms, 30s or 1m: " + text);
        }
        long number = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
    }

    /** Milliseconds with as many digits as are of use: {@code 0.42 ms}, {@code 7.3 ms}, {@code 1204 ms}. */
    static String millis(Duration time) {
        double millis = time.toNanos() / 1e6;
        return String.format(millis < 1 ? "%.2f ms" : millis < 100 ? "%.1f ms" : "%.0f ms", millis);
    }
}
