package io.tableflip.core.resources;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is done with the figures. The test's own JVM is the process that wants to be upgraded. */
class MemoryNeedTest {
    private static final long GIB = 1 << 30;

    @TempDir
    Path root;

    private FakeProc proc;
    private final Logs logs = new Logs();

    @BeforeEach
    void makeMachine() throws IOException {
        proc = new FakeProc(root.resolve("proc"));
        proc.write("meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:   15728640 kB\n");
        proc.write("self/status", "Name:\tjava\nVmHWM:\t  102400 kB\n");
        proc.write("self/cgroup", "0::/app\n");
        proc.write("self/mountinfo", "30 25 0:26 / /cgroup rw - cgroup2 cgroup2 rw\n");
    }

    @AfterEach
    void close() {
        logs.close();
    }

    private void limit(String file, long limit, long used) throws IOException {
        Path app = Files.createDirectories(root.resolve("cgroup/app"));
        Files.writeString(app.resolve(file), limit + "\n");
        Files.writeString(app.resolve("memory.current"), used + "\n");
        Files.writeString(app.resolve("memory.stat"), "inactive_file 0\n");
    }

    private void admit(ResourceCheck check, String... command) throws UpgradeException {
        new Admission(proc.fs, root, check).admit(new ChildCommand(List.of(command), Map.of()), 1);
    }

    private String refusal(String... command) {
        UpgradeException refusal =
                assertThrows(UpgradeException.class, () -> admit(ResourceCheck.REFUSE, command), logs::toString);
        assertEquals(Reason.NOT_ENOUGH_RESOURCES, refusal.reason());
        assertFalse(logs.has("WARNING"), logs::toString);
        return String.valueOf(refusal.getMessage());
    }

    @Test
    void whatFitsIsNotTalkedOf() throws Exception {
        limit("memory.max", 4 * GIB, GIB);
        admit(ResourceCheck.REFUSE, "java", "-Xmx1g", "Main");
        admit(ResourceCheck.WARN, "java", "-Xmx1g", "Main");
        assertTrue(logs.has("memory: the new process may need 1."), logs::toString);
        assertFalse(logs.has("WARNING"), logs::toString);
    }

    @Test
    void theRefusalHasTheFigures() throws Exception {
        limit("memory.max", 4 * GIB, 3 * GIB);
        String text = refusal("java", "-Xmx2g", "Main");
        assertTrue(
                text.matches(
                        "the new process may need 2\\.\\d GiB \\(heap 2\\.0 GiB by -Xmx, \\d+ MiB besides\\), and only"
                                + " 1\\.0 GiB of the 4\\.0 GiB of cgroup /app are free: if it takes more, the kernel kills one of"
                                + " the processes, or all\\. Make room for 1\\.\\d GiB more, or give the new process a smaller heap"),
                text);
    }

    @Test
    void aWarningSaysTheSameAndTheUpgradeGoesOn() throws Exception {
        limit("memory.max", 4 * GIB, 3 * GIB);
        admit(ResourceCheck.WARN, "java", "-Xmx2g", "Main");
        assertTrue(logs.has("WARNING upgrade: the new process may need 2."), logs::toString);
        assertTrue(logs.has("only 1.0 GiB of the 4.0 GiB of cgroup /app are free"), logs::toString);
    }

    @Test
    void switchedOffNothingIsLookedAt() throws Exception {
        limit("memory.max", GIB, GIB);
        admit(ResourceCheck.OFF, "java", "-Xmx2g", "Main");
        assertEquals("", logs.toString());
    }

    @Test
    void aSoftLimitOnlyWarns() throws Exception {
        limit("memory.high", GIB, GIB / 2);
        admit(ResourceCheck.REFUSE, "java", "-Xmx2g", "Main");
        assertTrue(logs.has("512 MiB of the 1.0 GiB (memory.high) of cgroup /app are free"), logs::toString);
        assertTrue(logs.has("both processes are slowed down"), logs::toString);
    }

    /** The usual way in a container. */
    @ParameterizedTest
    @CsvSource({
        "-Xmx2g, -Xmx1g, -Xmx3g, 2",
        "-Dx=1, -Xmx1g -Xss1m, -Xmx3g, 1",
        "-Dx=1, -ea, -Dy=1 -Xmx3g, 3",
    })
    void theHeapMayBeSetByAVariable(String argument, String launcher, String jvm, int gib) throws Exception {
        limit("memory.max", 4 * GIB, 4 * GIB - 1);
        ChildCommand command = new ChildCommand(
                List.of("java", argument, "Main"), Map.of("JDK_JAVA_OPTIONS", launcher, "JAVA_TOOL_OPTIONS", jvm));
        Admission admission = new Admission(proc.fs, root, ResourceCheck.REFUSE);
        UpgradeException refusal = assertThrows(UpgradeException.class, () -> admission.admit(command, 1));
        assertTrue(refusal.toString().contains("(heap " + gib + ".0 GiB by -Xmx"), refusal::toString);
    }

    @Test
    void aRehearsalSaysNothing() throws Exception {
        limit("memory.max", GIB, GIB);
        new Admission(proc.fs, root, ResourceCheck.REFUSE)
                .rehearse(new ChildCommand(List.of("java", "-Xmx2g", "Main"), Map.of()));
        assertFalse(logs.has("WARNING"), logs::toString);
    }

    @Test
    void bothKindsOfLimitsAreTold() throws Exception {
        limit("memory.high", GIB, GIB / 2);
        limit("memory.max", 2 * GIB, GIB / 2);
        UpgradeException refusal =
                assertThrows(UpgradeException.class, () -> admit(ResourceCheck.REFUSE, "java", "-Xmx2g", "Main"));
        assertTrue(refusal.toString().contains("1.5 GiB of the 2.0 GiB of cgroup /app are free"), refusal::toString);
        assertTrue(logs.has("(memory.high)"), logs::toString);
    }

    @Test
    void withoutALimitTheMachineIsOne() {
        String text = refusal("java", "-Xmx15g", "Main");
        assertTrue(text.contains("15.0 GiB of the 16.0 GiB of this machine are free"), text);
    }

    @Test
    void theTightestLimitCounts() throws Exception {
        limit("memory.max", 8 * GIB, GIB);
        proc.write("meminfo", "MemTotal: 16777216 kB\nMemAvailable: 1048576 kB\n");
        String text = refusal("java", "-Xmx2g", "Main");
        assertTrue(text.contains("1.0 GiB of the 16.0 GiB of this machine are free"), text);
    }

    @Test
    void moreUsedThanAllowedIsNothingFree() throws Exception {
        limit("memory.max", GIB, 2 * GIB);
        String text = refusal("java", "-Xmx1g", "Main");
        assertTrue(text.contains("0 MiB of the 1.0 GiB of cgroup /app are free"), text);
    }

    @Test
    void withoutAMaximumHeapThePeakOfThisProcessCounts() throws Exception {
        limit("memory.max", GIB, GIB);
        for (String command : List.of("java", "./start.sh -Xmx1g")) {
            String text = refusal(command.split(" ", -1));
            assertTrue(text.contains("may need 100 MiB (as much as this one at its peak)"), text);
        }
    }

    @Test
    void whatThisProcessHasBesidesItsHeap() throws Exception {
        limit("memory.max", GIB, GIB);
        long heap = Runtime.getRuntime().totalMemory();
        proc.write("self/status", "VmHWM:\t" + (heap / 1024 + 2 * 1024 * 1024) + " kB\n");
        String text = refusal("java", "-Xmx1g", "Main");
        assertTrue(text.matches(".*heap 1\\.0 GiB by -Xmx, (1\\.9|2\\.[01]) GiB besides.*"), text);
        proc.write("self/status", "VmHWM:\t0 kB\n");
        String least = refusal("java", "-Xmx1g", "Main");
        assertTrue(least.matches(".*heap 1\\.0 GiB by -Xmx, 32 MiB besides.*"), least);
    }

    @Test
    void whatCannotBeReadHoldsUpNothing() throws Exception {
        for (String meminfo : List.of("", "MemTotal: many kB\nMemAvailable: kB\n", "MemTotal:\n", "\0")) {
            proc.write("meminfo", meminfo);
            assertDoesNotThrow(() -> admit(ResourceCheck.REFUSE, "java", "-Xmx900g", "Main"), meminfo);
        }
        proc.write("meminfo", "MemTotal: 16777216 kB\nMemAvailable: 1048576 kB\n");
        Files.delete(proc.root.resolve("self/status"));
        admit(ResourceCheck.REFUSE, "java", "-Xmx900g", "Main");
        Files.delete(proc.root.resolve("meminfo"));
        Files.delete(proc.root.resolve("self/cgroup"));
        admit(ResourceCheck.REFUSE, "java", "-Xmx900g", "Main");
        assertFalse(logs.has("WARNING"), logs::toString);
    }

    /** What the machine on which this runs says can be read. */
    @Test
    void theRealFiles() throws IOException {
        ProcFs real = new ProcFs();
        List<MemoryLimit> limits = new MemoryLimits(real, new Cgroups(real, Path.of("/"))).all();
        assertTrue(
                limits.stream().anyMatch(limit -> limit.of().equals("this machine") && limit.free() > 0),
                limits::toString);
    }

    @Test
    void amounts() {
        assertEquals("0 MiB", MemoryLimit.text(0));
        assertEquals("512 MiB", MemoryLimit.text(GIB / 2));
        assertEquals("1.0 GiB", MemoryLimit.text(GIB));
        assertEquals("2.1 GiB", MemoryLimit.text(GIB * 21 / 10));
        assertEquals("10.0 GiB", MemoryLimit.text(10 * GIB - 1));
    }
}
