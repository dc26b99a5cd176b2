package io.tableflip.core.text;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the options of the JVM in a command line. What makes no sense is left to the JVM to refuse. */
public final class JvmOptions {
    /** Their value is the next argument. */
    private static final Set<String> WITH_VALUE = Set.of(
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--upgrade-module-path",
            "--add-modules",
            "--limit-modules",
            "--enable-native-access",
            "--add-exports",
            "--add-opens",
            "--add-reads",
            "--patch-module",
            "--source");

    /** The program's own arguments follow, after the value. */
    private static final Set<String> LAST = Set.of("-jar", "-m", "--module");

    /** With no more digits than can be multiplied. */
    private static final Pattern MAX_HEAP = Pattern.compile("-Xmx([0-9]{1,15}(?=$)|[0-9]{1,6}(?=.))([kKmMgGtT]?)");

    private static final Pattern SIZE = Pattern.compile("-X(?:mx|ms|mn|ss).*");

    private JvmOptions() {}

    /**
     * Whether the program is a Java launcher, by its name. A start script is not, and what it starts is not
     * known.
     */
    public static boolean isJava(List<String> command) {
        String program = command.get(0);
        return program.substring(program.lastIndexOf('/') + 1).equals("java");
    }

    /** The index behind the last option for the JVM: of {@code -jar}, of the main class, or of nothing. */
    static int end(List<String> command) {
        int at = 1;
        while (at < command.size() && isOption(command.get(at))) {
            at += WITH_VALUE.contains(command.get(at)) ? 2 : 1;
        }
        return Math.min(at, command.size());
    }

    private static boolean isOption(String argument) {
        return !LAST.contains(argument) && (argument.startsWith("-") || argument.startsWith("@"));
    }

    /** Puts options right behind the program, and takes out what has the name of one of them. */
    public static List<String> replace(List<String> command, Map<String, String> byName) {
        List<String> replaced = without(command, option -> byName.containsKey(name(option)));
        replaced.addAll(1, byName.values());
        return replaced;
    }

    /** Takes out the options that one of the names means. */
    public static List<String> remove(List<String> command, Collection<String> names) {
        return without(command, option -> isMeant(option, names));
    }

    private static List<String> without(List<String> command, Predicate<String> unwanted) {
        List<String> kept = new ArrayList<>(command.subList(0, 1));
        int end = end(command);
        for (int at = 1; at < end; at++) {
            boolean withValue = WITH_VALUE.contains(command.get(at));
            if (withValue || !unwanted.test(command.get(at))) {
                kept.add(command.get(at));
            }
            if (withValue && at + 1 < end) {
                at++;
                kept.add(command.get(at));
            }
        }
        kept.addAll(command.subList(end, command.size()));
        return kept;
    }

    /**
     * Whether one of the names means an option: {@code -agentlib:jdwp} means each option that begins so,
     * {@code -Xmx} and {@code -XX:MaxHeapSize} mean {@code -Xmx1g}.
     */
    static boolean isMeant(String option, Collection<String> names) {
        return names.stream()
                .anyMatch(name -> name(option).equals(name(name))
                        || option.startsWith(name + "=")
                        || option.startsWith(name + ":"));
    }

    /** The options of a {@code java} command that stand alone; none if the command is of another program. */
    public static List<String> of(List<String> command) {
        List<String> options = new ArrayList<>();
        if (isJava(command)) {
            for (int at = 1; at < end(command); at++) {
                if (WITH_VALUE.contains(command.get(at))) {
                    at++;
                } else {
                    options.add(command.get(at));
                }
            }
        }
        return options;
    }

    /**
     * Whether it can stand alone among the options: not a value, not a class, not an option that wants
     * another argument.
     */
    public static boolean standsAlone(String argument) {
        return argument.startsWith("-") && !LAST.contains(argument) && !WITH_VALUE.contains(argument);
    }

    /**
     * The maximum heap that a {@code java} command sets with {@code -Xmx}, in bytes; empty if it does not, or
     * is not of {@code java}.
     */
    public static OptionalLong maxHeap(List<String> command) {
        OptionalLong heap = OptionalLong.empty();
        for (String option : of(command)) {
            Matcher size = MAX_HEAP.matcher(option);
            if (size.matches()) {
                int unit = "kmgt".indexOf(size.group(2).toLowerCase(Locale.ROOT));
                heap = OptionalLong.of(
                        Long.parseLong(size.group(1)) << (size.group(2).isEmpty() ? 0 : 10 * (unit + 1)));
            }
        }
        return heap;
    }

    /**
     * What two options have in common of which one replaces the other; for options that may be repeated, all
     * of it.
     */
    public static String name(String option) {
        if (SIZE.matcher(option).matches()) {
            return switch (option.substring(0, 4)) {
                case "-Xmx" -> "-XX:MaxHeapSize";
                case "-Xms" -> "-XX:InitialHeapSize";
                default -> option.substring(0, 4);
            };
        }
        if (option.startsWith("-XX:+") || option.startsWith("-XX:-")) {
            return "-XX:" + option.substring(5);
        }
        return option.startsWith("-XX:") || option.startsWith("-D") ? option.split("=", 2)[0] : option;
    }
}
