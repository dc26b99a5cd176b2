package io.tableflip.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The table in docs/faults.md. */
final class FaultMatrix {
    private static final Pattern CELL =
            Pattern.compile("(\\*\\*)?(parent|child|next|nobody|—)(\\*\\*)?(?: \\((\\d+)\\))?");

    private final List<Cell> cells = new ArrayList<>();
    private final String page;

    private FaultMatrix(String page) {
        this.page = page;
    }

    /** Who serves in the end. */
    enum Outcome {
        PARENT,
        CHILD,
        /** The child of the child: another upgrade was requested during this one. */
        NEXT,
        NOBODY
    }

    /** @param fixed whether every build runs it */
    record Cell(FaultStep step, Fault fault, Outcome outcome, boolean fixed) {
        @Override
        public String toString() {
            return step.label() + ", " + fault.label() + ": " + outcome;
        }
    }

    static FaultMatrix read(Path page) throws IOException {
        FaultMatrix matrix = new FaultMatrix(Files.readString(page));
        List<List<String>> rows = matrix.page
                .lines()
                .dropWhile(line -> !line.startsWith("| step | KILL"))
                .takeWhile(line -> line.startsWith("|"))
                .map(FaultMatrix::split)
                .toList();
        List<Fault> columns = rows.get(0).stream().skip(1).map(Fault::of).toList();
        require(columns.equals(List.of(Fault.values())), "the columns are " + columns);
        List<FaultStep> steps = new ArrayList<>();
        for (List<String> row : rows.subList(2, rows.size())) {
            FaultStep step = FaultStep.of(row.get(0));
            steps.add(step);
            for (int i = 0; i < columns.size(); i++) {
                matrix.add(step, columns.get(i), row.get(i + 1));
            }
        }
        require(steps.equals(List.of(FaultStep.values())), "the rows are " + steps);
        return matrix;
    }

    private static List<String> split(String row) {
        return Arrays.stream(row.substring(1, row.lastIndexOf('|')).split("\\|", -1))
                .map(String::strip)
                .toList();
    }

    private void add(FaultStep step, Fault fault, String text) {
        Matcher cell = CELL.matcher(text);
        require(cell.matches(), step + ", " + fault + ": \"" + text + "\"");
        boolean sensible = !cell.group(2).equals("—");
        require(sensible || cell.group(4) != null, step + ", " + fault + ": no reason why it makes no sense");
        require(cell.group(4) == null || page.contains("\n" + cell.group(4) + ". "), "no note " + cell.group(4));
        if (sensible) {
            Outcome outcome = Outcome.valueOf(cell.group(2).toUpperCase(java.util.Locale.ROOT));
            cells.add(new Cell(step, fault, outcome, cell.group(1) != null));
        }
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError("docs/faults.md: " + otherwise);
        }
    }

    /** All that make sense. */
    List<Cell> cells() {
        return List.copyOf(cells);
    }
}
