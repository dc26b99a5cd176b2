package io.tableflip.core.launch;

import java.util.ArrayList;
import java.util.List;

/**
 * Absolute paths in a word of a command line or in a variable: the whole word, an element of a class path,
 * what stands behind {@code =}, {@code :} or {@code @}, and the path of a {@code file:///} URL.
 */
final class PathWords {
    private static final String ENDS = ":,;\"' \t\n";
    private static final String BEGINS = ENDS + "=@";

    private PathWords() {}

    /** Replaces a directory or file by another one, also where it is the beginning of a longer path. */
    static String replace(String text, String path, String by) {
        StringBuilder replaced = new StringBuilder();
        int done = 0;
        for (int at = find(text, path, 0); at >= 0; at = find(text, path, done)) {
            replaced.append(text, done, at).append(by);
            done = at + path.length();
        }
        return replaced.append(text, done, text.length()).toString();
    }

    /** Whether it is there, or the beginning of a longer path. */
    static boolean contains(String text, String path) {
        return find(text, path, 0) >= 0;
    }

    /** All absolute paths. May find more than there are: {@code //host/} in a URL. */
    static List<String> absolute(String text) {
        List<String> paths = new ArrayList<>();
        for (int at = text.indexOf('/'); at >= 0; at = text.indexOf('/', at + 1)) {
            if (begins(text, at)) {
                paths.add(text.substring(at, end(text, at)));
            }
        }
        return paths;
    }

    private static int find(String text, String path, int from) {
        for (int at = text.indexOf(path, from); at >= 0; at = text.indexOf(path, at + 1)) {
            int behind = at + path.length();
            if (begins(text, at) && (text.startsWith("/", behind) || behind == end(text, behind))) {
                return at;
            }
        }
        return -1;
    }

    private static boolean begins(String text, int at) {
        return at == 0 || BEGINS.indexOf(text.charAt(at - 1)) >= 0 || text.startsWith("://", at - 3);
    }

    private static int end(String text, int from) {
        int end = from;
        while (end < text.length() && ENDS.indexOf(text.charAt(end)) < 0) {
            end++;
        }
        return end;
    }
}
