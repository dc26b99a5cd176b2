package io.tableflip.it;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** A page of the documentation: its programs, its links, and the anchors that others may link to. */
final class Markdown {
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```(\\w*)\\n(.*?)^```$");
    private static final Pattern INDENTED = Pattern.compile("(?m)^    .*$");
    private static final Pattern CODE = Pattern.compile("`[^`]*`");
    private static final Pattern LINK = Pattern.compile("\\[[^\\]]*\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ +(.+?) *$");

    private final Path file;
    private final String text;

    private Markdown(Path file, String text) {
        this.file = file;
        this.text = text;
    }

    /** A page of the project, by its path from the root. */
    static Markdown read(String path) throws IOException {
        return read(project(path));
    }

    static Markdown read(Path file) throws IOException {
        return new Markdown(file, Files.readString(file));
    }

    /** A file of the project, by its path from the root. */
    static Path project(String path) {
        return Path.of(requireNonNull(System.getProperty("basedir")), "..", path)
                .toAbsolutePath()
                .normalize();
    }

    /** The first program, unit or configuration in this language. */
    String block(String language) {
        return block(language, "");
    }

    /** The first one at or behind the text, a heading for example. */
    String block(String language, String behind) {
        int start = text.indexOf(behind);
        return BLOCK.matcher(text)
                .results()
                .filter(block -> start >= 0 && block.start() >= start)
                .filter(block -> block.group(1).equals(language))
                .findFirst()
                .orElseThrow(() -> new AssertionError(file + ": no " + language + " behind \"" + behind + "\""))
                .group(2);
    }

    /** Where the links go, as they are written. */
    List<String> links() {
        return LINK.matcher(CODE.matcher(prose()).replaceAll("code"))
                .results()
                .map(link -> link.group(1))
                .toList();
    }

    /** The names that GitHub gives to the headings. */
    Set<String> anchors() {
        Set<String> anchors = new LinkedHashSet<>();
        Map<String, Integer> seen = new HashMap<>();
        for (MatchResult heading : HEADING.matcher(prose()).results().toList()) {
            String anchor = heading.group(1)
                    .toLowerCase(Locale.ROOT)
                    .replaceAll("[^\\p{L}\\p{N} _-]", "")
                    .replace(' ', '-');
            int count = seen.merge(anchor, 1, Integer::sum);
            anchors.add(count == 1 ? anchor : anchor + "-" + (count - 1));
        }
        return anchors;
    }

    /** Lines that are wider than this, with their numbers; tables have none. */
    List<String> linesWiderThan(int columns) {
        List<String> wide = new ArrayList<>();
        List<String> lines = text.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).length() > columns && !lines.get(i).startsWith("|")) {
                wide.add((i + 1) + ": " + lines.get(i));
            }
        }
        return wide;
    }

    private String prose() {
        return INDENTED.matcher(BLOCK.matcher(text).replaceAll("")).replaceAll("");
    }
}
