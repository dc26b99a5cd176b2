package io.tableflip.core.text;

import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The environment variables from which a JVM takes options besides its command line. */
public final class JvmVariables {
    /** In the order in which a JVM reads them: the command line comes before the last one. */
    public static final List<String> NAMES = List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

    /** Options stand between blanks; within quotes, blanks are part of an option. */
    private static final Pattern OPTION = Pattern.compile("(?:[^\\s'\"]++|'[^']*+'?|\"[^\"]*+\"?)++");

    private static final Pattern QUOTED = Pattern.compile("'([^']*+)'?|\"([^\"]*+)\"?");

    private JvmVariables() {}

    /** The options in the value of such a variable, without quotes. */
    public static List<String> options(String value) {
        return words(value).stream().map(JvmVariables::unquoted).toList();
    }

    /**
     * The value without the options that one of the names means, as {@link JvmOptions#remove} takes them out.
     */
    public static String remove(String value, Collection<String> names) {
        List<String> words = words(value);
        List<String> kept = words.stream()
                .filter(word -> !JvmOptions.isMeant(unquoted(word), names))
                .toList();
        return kept.size() == words.size() ? value : String.join(" ", kept);
    }

    private static List<String> words(String value) {
        return OPTION.matcher(value).results().map(found -> found.group()).toList();
    }

    private static String unquoted(String word) {
        return QUOTED.matcher(word).replaceAll(quoted -> {
            String text = quoted.group(1) == null ? quoted.group(2) : quoted.group(1);
            return Matcher.quoteReplacement(text);
        });
    }
}
