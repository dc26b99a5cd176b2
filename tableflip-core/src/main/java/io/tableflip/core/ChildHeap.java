package io.tableflip.core;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The heap that a child will have, in bytes, by the rules of HotSpot.
 *
 * @param initial what it begins with: filled before the first collection, as a rule
 * @param max what it may grow to
 * @param by what says so, for people
 */
record ChildHeap(long initial, long max, String by) {
    private static final long MIB = 1 << 20;

    /** A heap that is small in comparison with the memory is at least as large as this, HotSpot's default of MaxHeapSize. */
    private static final long SMALL = 96 * MIB * 13 / 10;

    private static final long SMALLEST_INITIAL = 8 * MIB;

    /** What the JVM takes for the memory of the machine, at most. */
    private static final long MAX_RAM = 128L << 30;

    /** More than any machine has, and small enough to add to. */
    private static final long ENDLESS = 1L << 60;

    private static final Pattern SIZE = Pattern.compile("(0[xX][0-9a-fA-F]+|[0-9]+)([kKmMgGtT]?)");

    /**
     * Of a {@code java} command.
     *
     * @param memory what the JVM takes for the memory: that of the machine, or the limit of its cgroup if that is less
     */
    static ChildHeap of(ChildCommand command, long memory) {
        Map<String, String> options = new HashMap<>();
        for (String option : JvmOptions.of(command)) {
            String name = JvmOptions.name(option);
            if (isValid(name, option)) {
                options.put(name, option);
            }
        }
        String xmx = options.get("-XX:MaxHeapSize");
        String percentage = options.get("-XX:MaxRAMPercentage");
        String maxRam = options.get("-XX:MaxRAM");
        boolean asked = percentage != null
                || options.containsKey("-XX:MinRAMPercentage")
                || options.containsKey("-XX:InitialRAMPercentage");
        long ram = size(maxRam).orElse(asked ? memory : Math.min(memory, MAX_RAM));
        long xms = size(options.get("-XX:InitialHeapSize")).orElse(0);
        long byDefault = Math.max(xms, share(ram, options));
        long max = size(xmx).orElse(byDefault);
        long initial = xms > 0 ? xms : Math.max(SMALLEST_INITIAL, part(ram, options, "Initial", 1.5625));
        String by = xmx != null ? xmx : percentage != null ? percentage : maxRam;
        return new ChildHeap(Math.min(initial, max), max, by == null ? "by default" : "by " + Printable.of(by));
    }

    private static boolean isValid(String name, String option) {
        return switch (name) {
            case "-XX:MaxHeapSize" -> size(option).orElse(0) > 0;
            case "-XX:InitialHeapSize", "-XX:MaxRAM" -> size(option).isPresent();
            case "-XX:MaxRAMPercentage", "-XX:MinRAMPercentage", "-XX:InitialRAMPercentage" ->
                percentage(option).isPresent();
            default -> false;
        };
    }

    private static long share(long ram, Map<String, String> options) {
        long ofLittle = part(ram, options, "Min", 50);
        return ofLittle < SMALL ? ofLittle : Math.max(SMALL, part(ram, options, "Max", 25));
    }

    private static long part(long ram, Map<String, String> options, String which, double otherwise) {
        return (long) (ram
                / 100.0
                * percentage(options.get("-XX:" + which + "RAMPercentage")).orElse(otherwise));
    }

    private static OptionalLong size(@Nullable String option) {
        if (option == null) {
            return OptionalLong.empty();
        }
        Matcher size = SIZE.matcher(option.startsWith("-XX:") ? value(option) : option.substring(4));
        if (!size.matches()) {
            return OptionalLong.empty();
        }
        try {
            int shift = size.group(2).isEmpty()
                    ? 0
                    : 10 * ("kmgt".indexOf(Character.toLowerCase(size.group(2).charAt(0))) + 1);
            return OptionalLong.of(Math.min(ENDLESS, Math.multiplyExact(number(size.group(1)), 1L << shift)));
        } catch (NumberFormatException | ArithmeticException e) {
            return OptionalLong.empty();
        }
    }

    /** {@link Long#decode} would take a leading zero for octal, HotSpot does not. */
    private static long number(String digits) {
        return digits.startsWith("0x") || digits.startsWith("0X")
                ? Long.parseLong(digits.substring(2), 16)
                : Long.parseLong(digits);
    }

    private static OptionalDouble percentage(@Nullable String option) {
        try {
            double percentage = option == null ? -1 : Double.parseDouble(value(option));
            return percentage >= 0 && percentage <= 100 ? OptionalDouble.of(percentage) : OptionalDouble.empty();
        } catch (NumberFormatException e) {
            return OptionalDouble.empty();
        }
    }

    private static String value(String option) {
        List<String> parts = List.of(option.split("=", 2));
        return parts.size() < 2 ? "" : parts.get(1);
    }
}
