package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class ConnectionsPartTest {
    @Test
    void transfersConnections() throws Exception {
        Report report = Bench.run(Scale.SMOKE, List.of(new ConnectionsPart()));
        String text = report.markdown();
        assertTrue(text.contains("### Upgrades with clients that never reconnect"), text);
        assertTrue(
                text.matches("(?s).*\\| " + Contenders.OURS_TRANSFER
                        + " +\\| 1 +\\| 16 +\\| 0 +\\| \\d{2,} +\\| 0 \\(0\\) +\\| 0 +\\| 0 +\\| 0 .*"),
                text);
        assertTrue(text.contains("### Longest silence of a busy client"), text);
        assertTrue(text.matches("(?s).*\\n\\| 50 +\\| \\d+\\.\\d .*"), text);
        assertTrue(text.contains("### The old process after the commit"), text);
        assertTrue(text.matches("(?s).*\\| DrainPolicy.TRANSFER +\\| 1 +\\| [\\d.]+ .*\\| 208 +\\| 0 .*"), text);
        assertTrue(text.contains("### Transfer of idle connections"), text);
        assertTrue(text.matches("(?s).*\\n\\| 100 +\\| \\d+ .*"), text);
        for (Contender contender : Contenders.numbered(() -> {
            throw new AssertionError("nothing is to be compiled");
        })) {
            assertEquals(
                    contender.missing() != null,
                    report.leftOut().contains(contender.name() + ": " + contender.missing()),
                    text);
        }
        assertEquals(Machine.program("wrk").isPresent(), text.contains("### Cost of HttpTransferHandler"), text);
        assertTrue(report.bars().stream().noneMatch(bar -> bar.measured().contains("NaN")), text);
    }
}
