package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    @Test
    void tableLinesUp() {
        Table table = new Table("Boot", "", "ms")
                .row("plain", 600)
                .row("with tableflip", "612.5")
                .note("Cold.");
        assertEquals("""
                ### Boot

                |                | ms    |
                | -------------- | ----- |
                | plain          | 600   |
                | with tableflip | 612.5 |

                Cold.
                """, table.markdown());
        assertThrows(IllegalArgumentException.class, () -> table.row("too few"));
    }

    @Test
    void barsAreReachedOrNot() {
        assertTrue(Bar.atMost("ratio", 1.05, 1.05, null).reached());
        assertEquals(new Bar("ratio", "at most 1.05", "1.06", false), Bar.atMost("ratio", 1.05, 1.06, null));
        assertEquals(new Bar("failures", "at most 0", "3", false), Bar.atMost("failures", 0, 3, null));
        assertEquals(new Bar("x", "at least 0.980 ms", "1 ms", true), Bar.atLeast("x", 0.98, 1, "ms"));
    }

    @Test
    void writesWhatItHas(@TempDir Path directory) throws IOException {
        Report report = new Report(List.of("2 processors"));
        report.leaveOut("nginx", "not installed");
        report.leaveOut("nginx", "not installed");
        report.bar(Bar.atMost("failures", 0, 0, null));
        report.table("Failures", "server", "failed").row("ours", 0);
        report.picture("latency", "<svg/>");
        report.write(directory.resolve("out"));
        String text = Files.readString(directory.resolve("out/results.md"));
        assertTrue(
                text.startsWith("# Benchmarks\n\n- 2 processors\n- left out: nginx: not installed\n\n### What"), text);
        assertTrue(text.contains("| ours   | 0      |"), text);
        assertTrue(text.endsWith("![latency](latency.svg)\n"), text);
        assertEquals("<svg/>", Files.readString(directory.resolve("out/latency.svg")));
        assertEquals(1, report.leftOut().size());
    }
}
