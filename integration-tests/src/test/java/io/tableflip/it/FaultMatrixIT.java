package io.tableflip.it;

import io.tableflip.it.FaultMatrix.Cell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The table in docs/faults.md, cell by cell. The profile {@code full} runs the cells in bold and a sample of the others that depends on
 * the commit, so that in time all are run; {@code -Pfull,all-faults} runs all of them, {@code -Dfaults="lingering, KILL"} those whose
 * name has that in it.
 */
@Tag("slow")
class FaultMatrixIT {
    private static final int SAMPLE = 8;

    @TempDir
    Path directory;

    static List<Cell> cells() throws IOException {
        List<Cell> all = FaultMatrix.read(Service.projectFile("docs/faults.md")).cells();
        String which = System.getProperty("faults", "");
        if (!which.isEmpty()) {
            return all.stream()
                    .filter(cell -> which.equals("all") || cell.toString().contains(which))
                    .toList();
        }
        List<Cell> others = new ArrayList<>(all);
        others.removeIf(Cell::fixed);
        Collections.shuffle(others, new Random(seed()));
        List<Cell> chosen = new ArrayList<>(all);
        chosen.removeAll(others.subList(SAMPLE, others.size()));
        return chosen;
    }

    private static long seed() {
        String commit = commit();
        System.out.println("a sample of the fault matrix for commit " + commit);
        return commit.hashCode();
    }

    private static String commit() {
        try {
            Process git = new ProcessBuilder("git", "rev-parse", "HEAD")
                    .directory(Service.projectFile(".").toFile())
                    .start();
            return new String(git.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
        } catch (IOException e) {
            return "unknown"; // no git here
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cells")
    void afterThis(Cell cell) {
        try (FaultRun run = new FaultRun(cell, directory)) {
            run.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
