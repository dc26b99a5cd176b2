package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class BootFlagsPartTest {
    @Test
    void measuresAChildAsItsParentAndOneThatBootsIdle() throws Exception {
        String text = Bench.run(Scale.SMOKE, List.of(new BootFlagsPart())).markdown();
        assertTrue(text.matches("(?s).*\\| as its parent +\\| [1-9]\\d+ .*"), text);
        assertTrue(text.matches("(?s).*\\| idleBoot +\\| [1-9]\\d+ .*"), text);
    }
}
