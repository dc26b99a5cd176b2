package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class HandoffTest {
    private static final String LOG = """
            child 1 names 1 adopted 2 ready 3
            settled 1
            child 2 names 14000000 adopted 16000000 ready 17000000
            some line of a log
            parent 2 call 1000000 spawned 4000000 returned 21000000
            settled 2
            """;

    @Test
    void timesOfBothProcesses() {
        Handoff handoff = Handoff.parse(LOG, 2);
        assertEquals(new Handoff(3, 2, 4, 20), handoff);
        assertEquals(9, handoff.sum());
    }

    @Test
    void whatIsMissingOrCannotBeIsAnError() {
        assertThrows(BenchmarkException.class, () -> Handoff.parse(LOG, 1));
        assertThrows(BenchmarkException.class, () -> Handoff.parse(LOG, 3));
        String backwards = LOG.replace("spawned 4000000", "spawned 900000");
        assertThrows(BenchmarkException.class, () -> Handoff.parse(backwards, 2));
    }

    @Test
    void anotherReleaseOfGosTableflipIsAnError() {
        String line = "\tproc, err := env.newProc(os.Args[0], os.Args[1:], fds, environ)\n";
        String patched = GoHandoff.patched("{\n" + line + "}\n");
        assertTrue(patched.contains(line + "\tnoteSpawned()\n"), patched);
        assertThrows(BenchmarkException.class, () -> GoHandoff.patched("{\n}\n"));
        assertThrows(BenchmarkException.class, () -> GoHandoff.patched(line + line));
    }
}
