package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.tableflip.examples.FailureKind;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoadRecordTest {
    @Test
    void goesThroughAFile(@TempDir Path directory) throws Exception {
        LoadRecord record = new LoadRecord(
                List.of(new Outcome(1, 2, null, 3), new Outcome(Long.MAX_VALUE, 4, FailureKind.EOF, 0)),
                List.of(new Outcome(5, 6, FailureKind.CLIENT, 0)),
                7,
                8,
                9,
                List.of("one", "two"));
        Path file = directory.resolve("outcomes");
        record.write(file);
        assertEquals(record, LoadRecord.read(file));
    }
}
