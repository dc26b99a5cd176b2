package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class GrowthPartTest {
    @Test
    void drainsWhatIsThere() throws IOException, InterruptedException {
        String report = Bench.run(Scale.SMOKE, List.of(new GrowthPart())).markdown();
        assertTrue(report.contains("### Drain of idle connections"), report);
        assertTrue(report.matches("(?s).*\\n\\| 10 +\\|.*\\n\\| 100 +\\|.*"), report);
        assertTrue(report.contains("### Upgrade of a process with a large heap"), report);
        assertTrue(report.matches("(?s).*\\n\\| 128 +\\| \\d\\d+ .*"), report);
    }
}
