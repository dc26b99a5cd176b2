package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnEnvironmentTest {
    @TempDir
    Path directory;

    /** As of a process that is not dumpable. */
    @Test
    void withoutTheKernelsTheJvmsServes() throws IOException {
        Map<String, String> exact = OwnEnvironment.read(new ProcFs());
        assertTrue(exact.containsKey("PATH"));
        assertEquals(exact, OwnEnvironment.read(new FakeProc(directory).fs));
    }

    @Test
    void whatTheJvmHasDecodedBecomesRawAgain() {
        assertEquals(
                Map.of("A", "caf\u00e9", "B", "\uDCE9"),
                OwnEnvironment.known(Map.of("A", "caf\u00c3\u00a9", "B", "\u00e9"), StandardCharsets.ISO_8859_1));
        assertEquals(Map.of("A", "\u00e9"), OwnEnvironment.known(Map.of("A", "\u00e9"), StandardCharsets.UTF_8));
    }

    @Test
    void whatItHasLostAnotherProgramKnows() throws IOException {
        Map<String, String> exact = OwnEnvironment.read(new ProcFs());
        assertEquals(exact, OwnEnvironment.known(Map.of("A", "\uFFFD"), StandardCharsets.UTF_8));
        assertThrows(IOException.class, () -> OwnEnvironment.ofProgram("/no/such/program"));
    }
}
