package io.tableflip.testsupport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessFamilyTest {
    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void nameFile() {
        file = directory.resolve("output");
    }

    private ProcessFamily start(String script) throws IOException {
        return ProcessFamily.start(new ProcessBuilder("sh", "-c", script).redirectOutput(file.toFile()));
    }

    private Output output(ProcessFamily family) {
        return new Output(
                () -> {
                    try {
                        return Files.readString(file);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                family::hasEnded);
    }

    @Test
    void aProcessWhoseParentHasGoneIsFoundAndKilled() throws IOException {
        ProcessFamily family = start("setsid sh -c 'echo \"child $$\"; exec sleep 1000' &");
        try (family) {
            long child = Long.parseLong(
                    output(family).await(Pattern.compile("child (\\d+)\n"), 1).group(1));
            Await.until("the child alone", () -> family.running().equals(List.of(child)));
            assertFalse(family.hasEnded());
        }
        assertEquals(List.of(), family.running());
        assertTrue(family.hasEnded());
    }

    @Test
    void aSignalIsSent() throws IOException {
        try (ProcessFamily family = start("trap 'echo heard; exit' HUP; echo ready; while :; do sleep 0.01; done")) {
            Output output = output(family);
            output.await(Pattern.compile("ready"), 1);
            Signals.send("HUP", family.first().pid());
            output.await(Pattern.compile("heard"), 1);
        }
    }

    @Test
    void whatAllProcessesHaveNotPrintedIsNotWaitedFor() throws IOException {
        try (ProcessFamily family = start("echo one; echo two; echo one")) {
            Output output = output(family);
            assertEquals(8, output.await(Pattern.compile("one"), 2).start());
            AssertionError failure = assertThrows(AssertionError.class, () -> output.await(Pattern.compile("one"), 3));
            assertTrue(String.valueOf(failure.getMessage()).endsWith("one\ntwo\none\n"), failure::toString);
        }
    }
}
