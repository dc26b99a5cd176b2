package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class LoadPartTest {
    @Test
    void everyContenderIsUpgradedUnderLoad() throws Exception {
        Report report = Bench.run(Scale.SMOKE, List.of(new LoadPart()));
        String text = report.markdown();
        for (Contender contender : Contenders.all(() -> {
            throw new AssertionError("nothing is to be compiled");
        })) {
            List<List<String>> rows = rows(text, contender.name());
            boolean leftOut = contender.missing() != null;
            assertEquals(leftOut ? 0 : 2, rows.size(), text);
            assertEquals(leftOut, report.leftOut().contains(contender.name() + ": " + contender.missing()), text);
            rows.forEach(row ->
                    assertEquals(List.of(), row.stream().filter(String::isEmpty).toList(), text));
            if (!leftOut) {
                assertPlausible(rows.get(0), text);
            }
        }
        assertTrue(report.bars().stream().allMatch(bar -> !bar.measured().contains("NaN")), text);
        assertEquals(
                3,
                report.bars().stream()
                        .filter(bar -> bar.what().endsWith("failures") && bar.reached())
                        .count(),
                text);
    }

    private static void assertPlausible(List<String> failures, String text) {
        assertEquals("1", failures.get(1), text);
        assertTrue(Long.parseLong(failures.get(2)) > 100, text);
        assertNotEquals("never", failures.get(6), text);
        assertTrue(Long.parseLong(failures.get(7)) > 0, text);
    }

    /** Those of all tables that begin so. */
    private static List<List<String>> rows(String markdown, String name) {
        return markdown.lines()
                .filter(line -> line.startsWith("| " + name + " ") || line.startsWith("| " + name + "|"))
                .map(line -> Stream.of(line.substring(1, line.length() - 1).split("\\|"))
                        .map(String::strip)
                        .toList())
                .filter(row -> row.get(0).equals(name))
                .toList();
    }
}
