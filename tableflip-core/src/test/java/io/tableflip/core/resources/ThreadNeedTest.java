package io.tableflip.core.resources;

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
import org.junit.jupiter.params.provider.ValueSource;

/** A process of 40 threads on a machine of 200, where the user 1000 has 70 of them. */
class ThreadNeedTest {
    private static final String V2 = "30 25 0:26 / /cgroup rw - cgroup2 cgroup2 rw\n";
    private static final String V1 = "32 25 0:28 / /cgroup rw - cgroup cgroup rw,pids\n";

    private static final ChildCommand COMMAND = new ChildCommand(List.of("java", "Main"), Map.of());

    @TempDir
    Path root;

    private FakeProc proc;
    private final Logs logs = new Logs();

    @BeforeEach
    void makeMachine() throws IOException {
        proc = new FakeProc(root.resolve("proc"));
        self(1000, "0000000000000000");
        proc.write("self/uid_map", "         0          0 4294967295\n");
        limit("unlimited");
        proc.write("loadavg", "0.20 0.18 0.12 1/200 11206\n");
        process(17, 0, 90);
        process(18, 1000, 30);
        process(4711, 1000, 40);
        Files.createDirectories(proc.root.resolve("19")); // has just ended
    }

    @AfterEach
    void close() {
        logs.close();
    }

    private void self(int user, String capabilities) throws IOException {
        proc.write(
                "self/status",
                "Name:\tjava\nUid:\t" + user + "\t7\t7\t7\nThreads:\t40\nCapEff:\t" + capabilities + "\n");
    }

    private void limit(String soft) throws IOException {
        proc.write(
                "self/limits",
                "Limit                     Soft Limit           Hard Limit           Units     \n"
                        + "Max processes             " + soft + "                 9999                 processes \n");
    }

    private void process(int pid, int user, int threads) throws IOException {
        proc.write(pid + "/status", "Name:\tx\nUid:\t" + user + "\t1000\t1000\t1000\nThreads:\t" + threads + "\n");
    }

    /** Version 1 and 2 have the same files. */
    private void cgroup(String path, String max, long current) throws IOException {
        Path cgroup = Files.createDirectories(root.resolve("cgroup" + path));
        Files.writeString(cgroup.resolve("pids.max"), max + "\n");
        Files.writeString(cgroup.resolve("pids.current"), current + "\n");
    }

    private void member(String membership, String mount) throws IOException {
        proc.write("self/cgroup", membership);
        proc.write("self/mountinfo", mount);
    }

    private void admit(ResourceCheck check) throws UpgradeException {
        new Admission(proc.fs, root, check).admit(COMMAND, 1);
    }

    private String refusal() {
        UpgradeException refusal =
                assertThrows(UpgradeException.class, () -> admit(ResourceCheck.REFUSE), logs::toString);
        assertEquals(Reason.NOT_ENOUGH_RESOURCES, refusal.reason());
        assertFalse(logs.has("WARNING"), logs::toString);
        return String.valueOf(refusal.getMessage());
    }

    private void assertAdmitted() throws UpgradeException {
        admit(ResourceCheck.REFUSE);
        assertFalse(logs.has("WARNING"), logs::toString);
    }

    // ---- cgroups

    @ParameterizedTest
    @CsvSource({"0::/app", "3:pids:/app"})
    void theRefusalHasTheFigures(String membership) throws Exception {
        cgroup("/app", "75", 45);
        member(membership + "\n", membership.startsWith("0") ? V2 : V1);
        assertEquals(
                "the new process may need 40 threads (as many as this one has), and only 30 of the 75 (pids.max) of"
                        + " cgroup /app are free: if it needs more, it fails, and this process cannot start threads"
                        + " meanwhile. Raise the limit by 10 at least (TasksMax= of a systemd unit, --pids-limit of a"
                        + " container)",
                refusal());
    }

    @Test
    void aWarningSaysTheSameAndTheUpgradeGoesOn() throws Exception {
        cgroup("/app", "75", 45);
        member("0::/app\n", V2);
        admit(ResourceCheck.WARN);
        assertTrue(
                logs.has("WARNING upgrade: the new process may need 40 threads (as many as this one has), and only 30"
                        + " of the 75 (pids.max) of cgroup /app are free"),
                logs::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0::/app", "3:pids:/app"})
    void whatJustFitsIsNotTalkedOf(String membership) throws Exception {
        cgroup("/app", "85", 45);
        member(membership + "\n", V2 + V1);
        assertAdmitted();
        assertTrue(logs.has("40 of the 85 (pids.max) of cgroup /app"), logs::toString);
        cgroup("/app", "84", 45);
        assertTrue(refusal().contains("39 of the 84"));
    }

    @Test
    void theTightestOfNestedLimitsCounts() throws Exception {
        cgroup("/a.slice/b", "75", 45);
        cgroup("/a.slice", "100", 90);
        cgroup("", "max", 190);
        member("0::/a.slice/b\n", V2);
        assertTrue(refusal().contains("only 10 of the 100 (pids.max) of cgroup /a.slice are free"));
    }

    @Test
    void inAContainerTheMountIsTheOwnCgroup() throws Exception {
        cgroup("", "75", 45);
        member("3:pids:/docker/4711\n", V1.replace(" / /cgroup", " /docker/4711 /cgroup"));
        assertTrue(refusal().contains("30 of the 75 (pids.max) of cgroup / are free"));
    }

    @Test
    void moreThanAllowedIsNothingFree() throws Exception {
        cgroup("/app", "20", 45);
        member("0::/app\n", V2);
        String text = refusal();
        assertTrue(text.contains("only 0 of the 20"), text);
        assertTrue(text.contains("Raise the limit by 65 at least"), text);
    }

    @Test
    void switchedOffNothingIsLookedAt() throws Exception {
        cgroup("/app", "75", 45);
        member("0::/app\n", V2);
        admit(ResourceCheck.OFF);
        assertEquals("", logs.toString());
    }

    @Test
    void aRehearsalSaysNothing() throws Exception {
        cgroup("/app", "75", 45);
        member("0::/app\n", V2);
        new Admission(proc.fs, root, ResourceCheck.REFUSE).rehearse(COMMAND);
        assertFalse(logs.has("WARNING"), logs::toString);
    }

    // ---- the limit of the user

    @Test
    void theThreadsOfTheUserCountInAllItsProcesses() throws Exception {
        limit("100");
        String text = refusal();
        assertTrue(text.contains("only 30 of the 100 (RLIMIT_NPROC) of user 1000 are free"), text);
        assertTrue(text.endsWith("by 10 at least (LimitNPROC= of a systemd unit, or prlimit --nproc)"), text);
        limit("110");
        assertAdmitted();
    }

    @Test
    void theUserIsTheRealOne() throws Exception {
        self(0, "0000000000000000");
        proc.write("self/uid_map", "         0       1000          1\n");
        limit("100");
        String text = refusal();
        assertTrue(text.contains("only 10 of the 100 (RLIMIT_NPROC) of user 0 are free"), text);
    }

    /** CAP_SYS_ADMIN, CAP_SYS_RESOURCE. */
    @ParameterizedTest
    @CsvSource({"0, 0", "1000, 200000", "1000, 1000000", "1000, 1ffffffffff"})
    void doesNotApplyToRootOrWithACapability(int user, String capabilities) throws Exception {
        self(user, capabilities);
        limit("100");
        assertAdmitted();
        proc.write("self/uid_map", "         0       1000          1\n"); // where they are not those of the machine
        assertTrue(refusal().contains("RLIMIT_NPROC"));
    }

    @Test
    void otherCapabilitiesDoNotHelp() throws Exception {
        self(1000, "00000000fedfffff");
        limit("100");
        assertTrue(refusal().contains("RLIMIT_NPROC"));
    }

    /** Not even if they were the user's: then they need not be counted. */
    @Test
    void processesAreNotLookedAtWhereTheMachineHasTooFewThreads() throws Exception {
        process(18, 1000, 5000); // which would be too many
        limit("240");
        assertAdmitted();
        limit("239");
        assertTrue(refusal().contains("RLIMIT_NPROC"));
    }

    /** By ProcSubset=pid of a systemd unit. */
    @Test
    void processesAreLookedAtWhereTheThreadsOfTheMachineAreHidden() throws Exception {
        Files.delete(proc.root.resolve("loadavg"));
        limit("100");
        assertTrue(refusal().contains("only 30 of the 100 (RLIMIT_NPROC) of user 1000 are free"));
    }

    @Test
    void theTightestOfBothKindsCounts() throws Exception {
        cgroup("/app", "75", 45);
        member("0::/app\n", V2);
        limit("80");
        assertTrue(refusal().contains("only 10 of the 80 (RLIMIT_NPROC)"));
        limit("109");
        assertTrue(refusal().contains("only 30 of the 75 (pids.max)"));
    }

    // ---- what nobody expects

    @Test
    void whatCannotBeReadHoldsUpNothing() throws Exception {
        member("0::/app\n", V2);
        for (String max : List.of("", "many", "-1", "99999999999999999999", "max")) {
            cgroup("/app", max, 45);
            assertAdmitted();
        }
        cgroup("/app", "75", 45);
        Files.delete(root.resolve("cgroup/app/pids.current"));
        assertAdmitted();
        for (String limits :
                List.of("", "Max processes", "Max processes   many many processes\n", "Max processes  1\n")) {
            proc.write("self/limits", limits);
            assertAdmitted();
        }
        limit("100");
        for (String load : List.of("", "0.20 0.18 0.12 1 7\n", "0.20 0.18 0.12 1/x 7\n")) {
            proc.write("loadavg", load);
            assertAdmitted();
        }
        Files.delete(proc.root.resolve("loadavg"));
        limit("110");
        assertAdmitted();
        cgroup("/app", "75", 45);
        for (String status : List.of("", "Threads:\n", "Threads:\tmany\n")) {
            proc.write("self/status", status);
            assertAdmitted();
        }
        Files.delete(proc.root.resolve("self/status"));
        assertAdmitted();
    }

    /** The limit of the user is unknown, that of the cgroup is not. */
    @Test
    void whatCanBeReadStillCounts() throws Exception {
        cgroup("/app", "75", 45);
        member("0::/app\n", V2);
        Files.delete(proc.root.resolve("self/limits"));
        assertTrue(refusal().contains("pids.max"));
        limit("nonsense");
        assertTrue(refusal().contains("pids.max"));
    }

    /** What the machine on which this runs says can be read. */
    @Test
    void theRealFiles() throws IOException {
        ProcFs real = new ProcFs();
        assertTrue(real.number("self/status", "Threads").orElse(0) > 1);
        assertTrue(real.limit("Max processes").orElseThrow().soft() > 0);
        assertTrue(real.threadsOf(real.user()) > 1);
        assertTrue(real.allThreads().orElseThrow() > 1);
    }
}
