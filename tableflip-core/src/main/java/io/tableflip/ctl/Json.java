package io.tableflip.ctl;

import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/**
 * An object of JSON: {@code ctl} must run with nothing on the class path but its own jar. Not thread-safe.
 */
final class Json {
    private final StringJoiner members = new StringJoiner(",", "{", "}");

    /** Adds a string, a number, a boolean, an object, or a list of these. */
    Json add(String name, Object value) {
        members.add(string(name) + ":" + value(value));
        return this;
    }

    private static String value(Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Json::value).collect(Collectors.joining(",", "[", "]"));
        }
        return value instanceof String text ? string(text) : value.toString();
    }

    private static String string(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append((char) c);
            } else if (c < ' ' || Character.isSurrogate((char) c)) {
                quoted.append(String.format(Locale.ROOT, "\\u%04x", c));
            } else {
                quoted.append((char) c);
            }
        });
        return quoted.append('"').toString();
    }

    @Override
    public String toString() {
        return members.toString();
    }
}
