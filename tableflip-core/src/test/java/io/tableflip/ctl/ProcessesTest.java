package io.tableflip.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes under a {@code /proc} that shows none of them. */
class ProcessesTest {
    private final Path root;
    private final Processes processes;

    ProcessesTest(@TempDir Path root) throws IOException {
        this.root = root;
        Files.createDirectory(root.resolve("self"));
        processes = new Processes(new ProcFs(root));
    }

    private void mounted(String options) throws IOException {
        Files.writeString(
                root.resolve("self/mountinfo"),
                "20 1 0:20 / /sys rw - sysfs sysfs rw\n21 1 0:21 / " + root + " rw,nosuid - proc proc " + options
                        + "\n");
    }

    @Test
    void aHiddenProcessIsThereUntilItHasEnded() throws Exception {
        mounted("rw,hidepid=invisible");
        Process process = new ProcessBuilder("sleep", "1000").start();
        try {
            assertEquals(Optional.of(Processes.HIDDEN), processes.startTime(process.pid()));
            assertTrue(processes.isThere(process.pid()));
        } finally {
            process.destroyForcibly();
        }
        process.waitFor();
        Await.until("its end", () -> processes.startTime(process.pid()).isEmpty());
    }

    /** Of another user, whom a process without rights may not signal. */
    @Test
    void aProcessThatMayNotBeSignalledIsThere() throws Exception {
        mounted("rw,hidepid=2");
        assertEquals(Optional.of(Processes.HIDDEN), processes.startTime(1));
    }

    @Test
    void whereNothingIsHiddenWhatIsNotSeenHasEnded() throws Exception {
        mounted("rw");
        assertEquals(Optional.empty(), processes.startTime(1));
        mounted("rw,hidepid=0");
        assertEquals(Optional.empty(), processes.startTime(1));
    }

    @Test
    void aSignalThatCannotBeSentSaysWhy() {
        IOException failure = assertThrows(IOException.class, () -> Kill.send("HUP", 2_000_000_000L));
        assertTrue(String.valueOf(failure.getMessage()).contains("cannot be sent to process"), failure::toString);
    }
}
