package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class Http2PartTest {
    @Test
    void countsWhatItSent() throws IOException, InterruptedException {
        Report report = Main.run(Scale.SMOKE, List.of(new Http2Part()));
        String text = report.markdown();
        assertTrue(text.matches("(?s).*\\| tableflip for Java \\| 1 +\\| \\d{3,} +\\| 0 +\\|.*"), text);
        assertEquals(List.of(true), report.bars().stream().map(Bar::reached).toList(), text);
    }
}
