package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a run has found, for reading. Not thread-safe. */
final class Report {
    private final List<String> machine;
    private final List<Table> tables = new ArrayList<>();
    private final List<Bar> bars = new ArrayList<>();
    private final List<String> leftOut = new ArrayList<>();
    private final Map<String, String> pictures = new LinkedHashMap<>();

    /** @param machine what was measured on, and with, a line each */
    Report(List<String> machine) {
        this.machine = List.copyOf(machine);
    }

    /** Adds a table. It may get rows later. */
    Table table(String title, String... columns) {
        Table table = new Table(title, columns);
        tables.add(table);
        return table;
    }

    void bar(Bar bar) {
        bars.add(bar);
    }

    /** Says by name what was not measured, and why. */
    void leaveOut(String what, String why) {
        String line = what + ": " + why;
        if (!leftOut.contains(line)) {
            leftOut.add(line);
            System.err.println("  left out: " + line);
        }
    }

    /** @param name without a suffix */
    void picture(String name, String svg) {
        pictures.put(name, svg);
    }

    List<Bar> bars() {
        return List.copyOf(bars);
    }

    List<String> leftOut() {
        return List.copyOf(leftOut);
    }

    /** All of it as Markdown. */
    String markdown() {
        StringBuilder text = new StringBuilder();
        machine.forEach(line -> text.append("- ").append(line).append('\n'));
        leftOut.forEach(line -> text.append("- left out: ").append(line).append('\n'));
        if (!bars.isEmpty()) {
            Table table = new Table("What was aimed at", "", "aim", "measured", "reached");
            bars.forEach(bar -> table.row(bar.what(), bar.aim(), bar.measured(), bar.reached() ? "yes" : "**no**"));
            text.append('\n').append(table.markdown());
        }
        tables.forEach(table -> text.append('\n').append(table.markdown()));
        return text.toString();
    }

    /** Writes {@code results.md} and the pictures. */
    void write(Path directory) throws IOException {
        Files.createDirectories(directory);
        StringBuilder text = new StringBuilder("# Benchmarks\n\n").append(markdown());
        for (Map.Entry<String, String> picture : pictures.entrySet()) {
            String file = picture.getKey() + ".svg";
            Files.writeString(directory.resolve(file), picture.getValue());
            text.append("\n![")
                    .append(picture.getKey())
                    .append("](")
                    .append(file)
                    .append(")\n");
        }
        Files.writeString(directory.resolve("results.md"), text);
    }
}
