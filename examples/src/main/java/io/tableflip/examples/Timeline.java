package io.tableflip.examples;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Draws the latencies of a load over its time, on a logarithmic scale: the highest of each moment. */
final class Timeline {
    private static final String BLOCKS = " ▁▂▃▄▅▆▇█";
    private static final List<String> SCALE = List.of("1 s", "100 ms", "10 ms", "1 ms", "0.1 ms");
    private static final int LABEL = 8;
    private static final double LOWEST = 1e5;

    private final LoadResult result;
    private final int columns;
    private final long[] highest;
    private final boolean[] failed;

    Timeline(LoadResult result, int width) {
        this.result = result;
        this.columns = Math.max(10, width - LABEL - 1);
        this.highest = new long[columns];
        this.failed = new boolean[columns];
        result.samples().forEach(sample -> {
            int column = column(sample.intendedNanos());
            highest[column] = Math.max(highest[column], sample.latencyNanos());
            failed[column] |= sample.failure().isPresent();
        });
    }

    List<String> draw(List<DemoUpgrade> upgrades) {
        List<String> lines = new ArrayList<>();
        for (int row = 0; row < SCALE.size(); row++) {
            lines.add(label(SCALE.get(row)) + row(SCALE.size() - 1 - row));
        }
        lines.add(label("failed") + failures());
        lines.add(label("upgrade") + spans(upgrades));
        String length = (result.endNanos() - result.startNanos()) / 1_000_000_000 + " s";
        lines.add(" ".repeat(LABEL + 1) + "0 s" + " ".repeat(columns - 3 - length.length()) + length);
        return lines;
    }

    private int column(long nanos) {
        double share = (double) (nanos - result.startNanos()) / (result.endNanos() - result.startNanos());
        return Math.max(0, Math.min(columns - 1, (int) (share * columns)));
    }

    /** One power of ten of the scale. */
    private String row(int power) {
        StringBuilder row = new StringBuilder();
        for (long nanos : highest) {
            double height = nanos == 0 ? 0 : Math.log10((double) nanos / LOWEST) - power;
            int eighths = (int) Math.round(Math.max(0, Math.min(1, height)) * (BLOCKS.length() - 1));
            // The lowest row shows that there were requests at all.
            row.append(BLOCKS.charAt(power == 0 && nanos > 0 ? Math.max(1, eighths) : eighths));
        }
        return row.toString();
    }

    private String failures() {
        StringBuilder row = new StringBuilder();
        for (boolean any : failed) {
            row.append(any ? 'X' : '·');
        }
        return row.toString();
    }

    /** The number of each upgrade where it begins, and a line for as long as it lasted. */
    private String spans(List<DemoUpgrade> upgrades) {
        char[] row = new char[columns];
        Arrays.fill(row, ' ');
        for (int i = 0; i < upgrades.size(); i++) {
            int from = column(upgrades.get(i).start());
            Arrays.fill(row, from, column(upgrades.get(i).end()) + 1, '─');
            row[from] = (char) ('1' + i);
        }
        return new String(row);
    }

    private static String label(String text) {
        return " ".repeat(LABEL - 1 - text.length()) + text + " │";
    }
}
