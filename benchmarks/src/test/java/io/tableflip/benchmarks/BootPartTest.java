package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class BootPartTest {
    @Test
    void startsAndUpgradesWithAndWithoutTableflip() throws Exception {
        Report report = Bench.run(Scale.SMOKE, List.of(new BootPart()));
        String text = report.markdown();
        assertTrue(text.matches("(?s).*without tableflip, JDK 17, no archive +\\| [1-9]\\d* .*"), text);
        assertTrue(text.matches("(?s).* with tableflip, JDK 17, no archive +\\| [1-9]\\d* .*"), text);
        assertTrue(text.contains("child of an upgrade"), text);
        assertEquals(
                1,
                report.bars().stream()
                        .filter(bar -> bar.what().contains("with tableflip"))
                        .count(),
                text);
    }
}
