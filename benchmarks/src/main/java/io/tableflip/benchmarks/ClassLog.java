package io.tableflip.benchmarks;

import java.util.EnumMap;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * What a JVM has loaded, as {@code -Xlog:class+load:file=FILE:uptimenanos} tells it.
 *
 * @param classes how many, by where they come from
 * @param mainMillis from the start of the JVM to the first class of the program
 * @param lastMillis from the start of the JVM to the last class
 */
record ClassLog(Map<Origin, Integer> classes, double mainMillis, double lastMillis) {
    private static final Pattern LINE = Pattern.compile("(?m)^\\[(\\d+)ns\\] (\\S+) source: (.*)$");

    /** Where a class comes from. */
    enum Origin {
        ARCHIVED("JDK, from its archive"),
        JDK("JDK, loaded"),
        MADE("made at run time (lambdas, proxies)"),
        NETTY("Netty"),
        TABLEFLIP("tableflip"),
        OTHER("the program");

        final String text;

        Origin(String text) {
            this.text = text;
        }

        static Origin of(String name, String source) {
            if (name.contains("/0x") || name.contains("$$Lambda") || name.contains("$Proxy")) {
                return MADE;
            } else if (source.contains("shared objects file")) {
                return ARCHIVED;
            } else if (name.startsWith("io.netty.")) {
                return NETTY;
            } else if (name.startsWith("io.tableflip.core.") || name.startsWith("io.tableflip.netty.")) {
                return TABLEFLIP;
            }
            return source.startsWith("jrt:") ? JDK : OTHER;
        }
    }

    static ClassLog parse(String log) {
        Map<Origin, Integer> classes = new EnumMap<>(Origin.class);
        for (Origin origin : Origin.values()) {
            classes.put(origin, 0);
        }
        double main = 0;
        double last = 0;
        for (MatchResult line : LINE.matcher(log).results().toList()) {
            Origin origin = Origin.of(line.group(2), line.group(3));
            classes.merge(origin, 1, Integer::sum);
            last = Long.parseLong(line.group(1)) / 1e6;
            if (main == 0 && origin == Origin.OTHER) {
                main = last;
            }
        }
        return new ClassLog(classes, main, last);
    }

    int total() {
        return classes.values().stream().mapToInt(Integer::intValue).sum();
    }
}
