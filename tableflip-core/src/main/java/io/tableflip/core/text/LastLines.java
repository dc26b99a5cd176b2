package io.tableflip.core.text;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Keeps the last lines of what a JVM has printed, as far as they tell why it has ended: the frames of stack
 * traces are left out. What is kept is bounded, whatever is printed. Not thread-safe.
 */
public final class LastLines {
    private static final int LINES = 5;
    private static final int LINE_LENGTH = 400;
    private static final int LENGTH = 1000;

    private static final Pattern DETAIL = Pattern.compile("\\s*"
            + "|\\s+(?:at .*|\\.\\.\\. [0-9]+ more)" // Java frames
            + "|(?:[VCJjvA]  ?[\\[~0-9].*|Native frames: .*)" // the frames of a JVM that aborts
            + "|\\*\\*\\* java\\.lang\\.instrument ASSERTION FAILED .*"
            + "|(?:Picked up|NOTE: Picked up) \\w*OPTIONS: .*"); // what a variable holds is no error, and may be secret

    private final Deque<String> lines = new ArrayDeque<>();
    private final StringBuilder line = new StringBuilder();

    /** Takes in what was printed, UTF-8 as a rule; a character may be cut between two calls. */
    public void add(byte[] bytes, int count) {
        for (int i = 0; i < count; i++) {
            if (bytes[i] == '\n') {
                endLine();
            } else if (line.length() < LINE_LENGTH) {
                line.append((char) (bytes[i] & 0xff)); // bytes as yet
            }
        }
    }

    private void endLine() {
        String text = decoded(line);
        line.setLength(0);
        if (!DETAIL.matcher(text).matches()) {
            lines.add(text.strip());
            if (lines.size() > LINES) {
                lines.remove();
            }
        }
    }

    private static String decoded(CharSequence bytes) {
        byte[] raw = new byte[bytes.length()];
        for (int i = 0; i < raw.length; i++) {
            raw[i] = (byte) bytes.charAt(i);
        }
        return RawString.decode(raw);
    }

    /** The lines on one line, printable; empty if there are none. */
    public String text() {
        endLine();
        String text = lines.stream().map(Printable::of).collect(Collectors.joining(" | "));
        return text.length() <= LENGTH ? text : "..." + text.substring(text.length() - LENGTH);
    }
}
