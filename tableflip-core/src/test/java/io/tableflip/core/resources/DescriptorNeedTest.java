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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that has the descriptors 0 to 49 open, and passes 2 on: an upgrade opens 10 here. */
class DescriptorNeedTest {
    @TempDir
    Path root;

    private FakeProc proc;
    private final Logs logs = new Logs();

    @BeforeEach
    void makeProcess() throws IOException {
        proc = new FakeProc(root.resolve("proc"));
        for (int fd = 0; fd < 50; fd++) {
            proc.fd(fd, "socket:[" + fd + "]", "02");
        }
        tableOf(64);
    }

    @AfterEach
    void close() {
        logs.close();
    }

    private void tableOf(int slots) throws IOException {
        proc.write("self/status", "Name:\tjava\nFDSize:\t" + slots + "\n");
    }

    private void limit(String soft, String hard) throws IOException {
        proc.write(
                "self/limits",
                "Limit                     Soft Limit           Hard Limit           Units     \n"
                        + "Max open files            " + soft + "                 " + hard
                        + "               files     \n");
    }

    private void admit(ResourceCheck check, String... options) throws UpgradeException {
        List<String> command = new ArrayList<>(List.of("java"));
        command.addAll(List.of(options));
        command.add("Main");
        new Admission(proc.fs, root, check).admit(new ChildCommand(command, Map.of()), 2);
    }

    private String refusal(String... options) {
        UpgradeException refusal =
                assertThrows(UpgradeException.class, () -> admit(ResourceCheck.REFUSE, options), logs::toString);
        assertEquals(Reason.NOT_ENOUGH_RESOURCES, refusal.reason());
        assertFalse(logs.has("WARNING"), logs::toString);
        return String.valueOf(refusal.getMessage());
    }

    private void assertAdmitted() throws UpgradeException {
        admit(ResourceCheck.REFUSE);
        assertFalse(logs.has("WARNING"), logs::toString);
    }

    @Test
    void theRefusalHasTheFigures() throws Exception {
        limit("57", "1000");
        assertEquals(
                "an upgrade may open 10 descriptors in this process (8 for pipes and files, 2 for what is passed on),"
                        + " and only 7 of the 57 of RLIMIT_NOFILE are free: if they run out, the upgrade fails, and"
                        + " clients cannot connect meanwhile. Raise the limit by 3 at least (prlimit --nofile, and"
                        + " LimitNOFILE= of a systemd unit for the next start), or upgrade when fewer connections are"
                        + " open",
                refusal());
    }

    @Test
    void aWarningSaysTheSameAndTheUpgradeGoesOn() throws Exception {
        limit("57", "1000");
        admit(ResourceCheck.WARN);
        assertTrue(
                logs.has("WARNING upgrade: an upgrade may open 10 descriptors in this process (8 for pipes and files,"
                        + " 2 for what is passed on), and only 7 of the 57 of RLIMIT_NOFILE are free"),
                logs::toString);
    }

    @Test
    void whatJustFitsIsNotTalkedOf() throws Exception {
        limit("60", "60");
        assertAdmitted();
        limit("59", "59");
        assertTrue(refusal().contains("only 9 of the 59"));
        limit("unlimited", "unlimited");
        assertAdmitted();
    }

    /** With the limit of this process the child has too few, however many are free below it here. */
    @Test
    void theChildGetsALimitThatWasLoweredSince() throws Exception {
        limit("40", "40");
        String both = refusal();
        assertTrue(both.contains("only 0 of the 40 of RLIMIT_NOFILE are free"), both);
        String childs = "the new process may need 50 descriptors (as many as this one has open), and RLIMIT_NOFILE,"
                + " which it inherits and which was lowered since, allows 40: beyond that it can neither accept"
                + " connections nor open files. Raise the limit by 10 at least (prlimit --nofile,";
        assertTrue(both.contains(". Besides, " + childs), both);
        for (int fd = 0; fd < 20; fd++) {
            Files.delete(proc.root.resolve("self/fd/" + fd));
        }
        assertAdmitted();
        for (int fd = 50; fd < 70; fd++) {
            proc.fd(fd, "socket:[" + fd + "]", "02");
        }
        tableOf(128);
        String alone = refusal();
        assertTrue(alone.startsWith(childs), alone);
    }

    @Test
    void aJvmRaisesTheSoftLimit() throws Exception {
        limit("40", "50");
        assertFalse(refusal().contains("the new process"));
        assertTrue(refusal("-XX:-MaxFDLimit").contains("the new process may need 50 descriptors"));
        limit("40", "49");
        assertTrue(refusal().contains("which was lowered since, allows 49"));
    }

    /** The kernel's table is never smaller than what is open. */
    @Test
    void descriptorsAreNotListedWhereTheTableIsSmall() throws Exception {
        tableOf(32); // which is not true
        limit("42", "42");
        assertAdmitted();
        limit("41", "41");
        assertTrue(refusal().contains("RLIMIT_NOFILE"));
    }

    @Test
    void switchedOffNothingIsLookedAt() throws Exception {
        limit("40", "40");
        admit(ResourceCheck.OFF);
        assertEquals("", logs.toString());
    }

    @Test
    void whatCannotBeReadHoldsUpNothing() throws Exception {
        for (String limits :
                List.of("", "Max open files", "Max open files   many many files\n", "Max open files  1\n")) {
            proc.write("self/limits", limits);
            assertAdmitted();
        }
        Files.delete(proc.root.resolve("self/limits"));
        assertAdmitted();
        limit("40", "40");
        Files.move(proc.root.resolve("self/fd"), proc.root.resolve("fd"));
        assertAdmitted();
        Files.move(proc.root.resolve("fd"), proc.root.resolve("self/fd"));
        proc.write("self/status", "");
        assertTrue(refusal().contains("RLIMIT_NOFILE"), "the size of the table is not needed");
    }

    /** All that is short is in one refusal. */
    @Test
    void aRefusalNamesEveryResource() throws Exception {
        limit("57", "1000");
        proc.write("meminfo", "MemTotal: 16777216 kB\nMemAvailable: 1048576 kB\n");
        proc.write("self/status", "VmHWM:\t  102400 kB\nThreads:\t40\nFDSize:\t64\n");
        proc.write("self/cgroup", "0::/app\n");
        proc.write("self/mountinfo", "30 25 0:26 / /cgroup rw - cgroup2 cgroup2 rw\n");
        Path app = Files.createDirectories(root.resolve("cgroup/app"));
        Files.writeString(app.resolve("pids.max"), "50\n");
        Files.writeString(app.resolve("pids.current"), "45\n");
        String text = refusal("-Xmx2g");
        assertTrue(
                text.matches(
                        "the new process may need 2\\.\\d GiB .* a smaller heap\\. Besides, the new process may need"
                                + " 40 threads .* container\\)\\. Besides, an upgrade may open 10 descriptors .*"),
                text);
    }

    /** What the machine on which this runs says can be read. */
    @Test
    void theRealFiles() throws IOException {
        ProcFs real = new ProcFs();
        int open = real.openFds().size();
        assertTrue(open > 3);
        assertTrue(real.number("self/status", "FDSize").orElse(0) >= open);
        assertTrue(real.limit("Max open files").orElseThrow().hard() >= open);
    }
}
