package io.tableflip.core;

import static java.lang.System.Logger.Level.DEBUG;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Finds the options of the JVM in a command line and an environment. What makes no sense is left to the JVM to refuse. */
final class JvmOptions {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private static final long LONGEST_FILE = 1 << 20;

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

    private static final Pattern SIZE = Pattern.compile("-X(?:mx|ms|mn|ss).*");

    private JvmOptions() {}

    /** Whether the program is a Java launcher, by its name. A start script is not, and what it starts is not known. */
    static boolean isJava(List<String> command) {
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
    static List<String> replace(List<String> command, Map<String, String> byName) {
        List<String> replaced = new ArrayList<>(command.subList(0, 1));
        replaced.addAll(byName.values());
        int end = end(command);
        for (int at = 1; at < end; at++) {
            boolean withValue = WITH_VALUE.contains(command.get(at));
            if (withValue || !byName.containsKey(name(command.get(at)))) {
                replaced.add(command.get(at));
            }
            if (withValue && at + 1 < end) {
                at++;
                replaced.add(command.get(at));
            }
        }
        replaced.addAll(command.subList(end, command.size()));
        return replaced;
    }

    /** Whether it can stand alone among the options: not a value, not a class, not an option that wants another argument. */
    static boolean standsAlone(String argument) {
        return argument.startsWith("-") && !LAST.contains(argument) && !WITH_VALUE.contains(argument);
    }

    /** All options of a {@code java} command in the order in which they count: of two with the same name the last one does. */
    static List<String> of(ChildCommand command) {
        List<String> options = new ArrayList<>(words(variable(command, "JAVA_TOOL_OPTIONS"), false));
        List<String> line = new ArrayList<>(command.command().subList(0, 1));
        words(variable(command, "JDK_JAVA_OPTIONS"), false).forEach(word -> expand(word, command, line));
        for (String argument : command.command().subList(1, end(command.command()))) {
            expand(argument, command, line);
        }
        options.addAll(line.subList(1, end(line)));
        options.addAll(words(variable(command, "_JAVA_OPTIONS"), false));
        return options;
    }

    private static String variable(ChildCommand command, String name) {
        return command.environment().getOrDefault(name, "");
    }

    private static void expand(String argument, ChildCommand command, List<String> into) {
        if (!argument.startsWith("@") || argument.startsWith("@@")) {
            into.add(argument);
            return;
        }
        try {
            Path file = Path.of(variable(command, "PWD")).resolve(argument.substring(1));
            if (Files.isRegularFile(file) && Files.size(file) <= LONGEST_FILE) {
                into.addAll(words(RawString.decode(Files.readAllBytes(file)), true));
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "argument file of the child", e);
        }
    }

    /**
     * Splits at white space outside of quotes.
     *
     * @param file whether it is the text of an argument file, which may have comments, and backslashes within quotes
     */
    static List<String> words(String text, boolean file) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean inWord = false;
        char quote = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quote != 0 && c == quote) {
                quote = 0;
            } else if (quote != 0) {
                boolean escaped = file && c == '\\' && i + 1 < text.length();
                word.append(escaped ? text.charAt(++i) : c);
            } else if (c == '"' || c == '\'') {
                quote = c;
                inWord = true;
            } else if (file && c == '#' && !inWord) {
                int line = text.indexOf('\n', i);
                i = line < 0 ? text.length() : line;
            } else if (!isSpace(c)) {
                word.append(c);
                inWord = true;
            } else if (inWord) {
                words.add(word.toString());
                word.setLength(0);
                inWord = false;
            }
        }
        if (inWord) {
            words.add(word.toString());
        }
        return words;
    }

    private static boolean isSpace(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }

    /** What two options have in common of which one replaces the other; for options that may be repeated, all of it. */
    static String name(String option) {
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
