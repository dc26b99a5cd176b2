package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("benchmarks")
class Http2PartTest {
    @TempDir
    Path directory;

    @Test
    void everyContenderIsUpgradedUnderLoad() throws IOException, InterruptedException {
        Report report = Bench.run(Scale.SMOKE, List.of(new Http2Part()));
        String text = report.markdown();
        List<Contender> contenders = Http2Contenders.all(Certificate.make(directory), Http2Part.SHORT_WARM_UP, () -> {
            throw new AssertionError("nothing is to be compiled");
        });
        assertEquals(8, contenders.size());
        for (Contender contender : contenders) {
            List<List<String>> rows = rows(text, contender.name());
            boolean leftOut = contender.missing() != null;
            assertEquals(leftOut ? 0 : 1, rows.size(), text);
            assertEquals(leftOut, report.leftOut().contains(contender.name() + ": " + contender.missing()), text);
            rows.forEach(row -> assertPlausible(row, text));
        }
        assertEquals(
                List.of("0", "0"),
                Stream.of(Contenders.OURS, Contenders.OURS_COLD)
                        .map(name -> rows(text, name).get(0).get(3))
                        .toList(),
                text);
        assertEquals(
                List.of(true, true), report.bars().stream().map(Bar::reached).toList(), text);
    }

    private static void assertPlausible(List<String> row, String text) {
        assertEquals(List.of(), row.stream().filter(String::isEmpty).toList(), text);
        assertEquals("1", row.get(1), text);
        assertTrue(Long.parseLong(row.get(2)) > 50, text);
        assertNotEquals("never", row.get(8), text);
    }

    private static List<List<String>> rows(String markdown, String name) {
        return markdown.lines()
                .filter(line -> line.startsWith("| "))
                .map(line -> Stream.of(line.substring(1, line.length() - 1).split("\\|"))
                        .map(String::strip)
                        .toList())
                .filter(row -> row.get(0).equals(name))
                .toList();
    }
}
