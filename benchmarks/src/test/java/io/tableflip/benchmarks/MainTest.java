package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.tableflip.benchmarks.Run.Scale;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class MainTest {
    @Test
    void commandLine() {
        Main.Options options = Main.Options.parse(List.of("--full", "--out", "x"));
        assertEquals(Scale.FULL, options.scale());
        assertEquals(Path.of("x"), options.out());
        assertThrows(IllegalArgumentException.class, () -> Main.Options.parse(List.of("--fast")));
        assertThrows(IllegalArgumentException.class, () -> Main.Options.parse(List.of("--out")));
        assertThrows(IllegalArgumentException.class, () -> Main.Options.parse(List.of("--only", "nothing")));
    }
}
