package io.tableflip.core.text;

import java.time.Duration;

/**
 * Text that another process sent, or that stands in a name, made fit for logs and messages: it stays on one
 * line, so that it cannot pass for a line of its own, and holds nothing that a terminal would obey.
 */
public final class Printable {
    /** As much as a message of the protocol may hold; escaping makes more of it. */
    private static final int LONGEST = 4096;

    private Printable() {}

    public static String of(String text) {
        StringBuilder printable = new StringBuilder();
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            if (printable.length() >= LONGEST) {
                return printable.append("...").toString();
            }
            append(printable, text.codePointAt(i));
        }
        return printable.toString();
    }

    /** A duration for people: {@code 500 ms}, {@code 30 s}. */
    public static String of(Duration duration) {
        return duration.toMillisPart() == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }

    private static void append(StringBuilder printable, int character) {
        switch (Character.getType(character)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> printable.append(escaped(character));
            default -> printable.appendCodePoint(character);
        }
    }

    private static String escaped(int character) {
        return switch (character) {
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> String.format("\\u%04x", character);
        };
    }
}
