package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import io.tableflip.testsupport.GoCompiler;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("benchmarks")
class HandoffPartTest {
    @Test
    void upgradesWithDescriptorsAndWithout(@TempDir Path directory) throws IOException, InterruptedException {
        Report report = new Report(List.of());
        new HandoffPart().run(new Run(Scale.SMOKE, directory, report));
        String text = report.markdown();
        assertTrue(text.contains("| 0           | ours "), text);
        assertTrue(text.contains("| 4           | ours "), text);
        assertTrue(text.contains("| 4           | Netty alone"), text);
        if (GoCompiler.missing() == null) {
            assertTrue(text.contains("| 4           | Go's tableflip "), text);
            assertEquals(1, report.bars().size());
        } else {
            assertTrue(text.contains("left out: Go's tableflip: "), text);
        }
    }
}
