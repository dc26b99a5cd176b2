package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Settings of systemd that take rights away from a service: the table of docs/systemd.md. One systemd for
 * all, and a unit for each.
 */
@Tag("systemd")
@Execution(ExecutionMode.SAME_THREAD) // one systemd
class SystemdHardeningIT {
    private static final String CTL = "/usr/bin/java -jar /srv/hello/tableflip-examples.jar ctl ";

    private static Systemd systemd;

    @BeforeAll
    static void boot() throws IOException {
        systemd = Systemd.boot();
    }

    @AfterAll
    static void close() throws IOException {
        if (systemd != null) {
            systemd.close();
        }
    }

    private static SystemdUnit install(String name, String setting) throws IOException {
        SystemdUnit unit = SystemdUnit.install(systemd, name, "--idle-boot 10s"); // which takes a right
        unit.set(setting);
        return unit;
    }

    @Test
    void whatWorksWorksTogether() throws IOException {
        String status = CTL + "status --pid-file /run/hello-hardened/pid";
        SystemdUnit unit = install("hello-hardened", "ExecReload=" + status); // behind that of the unit
        unit.start();
        String seen = Files.readString(systemd.path("/proc/" + unit.pid() + "/mounts"))
                + Files.readString(systemd.path("/proc/" + unit.pid() + "/status"));
        assertTrue(seen.matches("(?s).* /proc proc [^\n]*hidepid=invisible,subset=pid.*"), seen);
        assertTrue(seen.matches("(?s).*CapBnd:\\s+0+\n.*NoNewPrivs:\\s+1\n.*Seccomp:\\s+2\n.*"), seen);
        try (StrictLoad load = unit.load()) {
            for (int generation = 2; generation <= 3; generation++) {
                long old = unit.pid();
                unit.reload();
                assertNotEquals(old, unit.pid(), unit::journal);
                assertEquals(unit.pid(), unit.mainPid(), unit::journal);
                String serving = "serving: generation " + generation + " (pid " + unit.pid() + ")";
                assertTrue(unit.journal().contains(serving), unit::journal);
                assertTrue(systemd.run(status.split(" ")).startsWith(serving));
            }
            unit.assertClean(load);
        }
        assertFalse(unit.journal().contains(" 0 ms after its start"), unit::journal);
        unit.stop();
        unit.assertStoppedGracefully();
        assertFalse(unit.journal().contains("no upgrades here"), unit::journal);
    }

    @Test
    void aDynamicUserWorks() throws IOException {
        SystemdUnit unit = install("hello-forking", "User=\nDynamicUser=yes");
        unit.start();
        unit.upgrade();
        Await.until("it is followed", () -> unit.pid() == unit.mainPid(), unit::journal);
        unit.stop();
    }

    /** Each command of the unit has a user namespace of its own then, and sees nobody else in /proc. */
    @Test
    void aReloadByTheCommandLineFindsAServiceThatIsHidden() throws IOException {
        SystemdUnit unit = install("hello-ctl", "ProtectProc=invisible\nPrivateUsers=yes");
        unit.start();
        Await.until("a PID file", () -> Files.exists(systemd.path("/run/hello-ctl/pid")), unit::journal);
        long old = unit.pid();
        unit.reload();
        assertNotEquals(old, unit.pid(), unit::journal);
        unit.stop();
    }

    @Test
    void withoutAPlaceForNativeCodeThereAreNoUpgrades() throws IOException {
        SystemdUnit readOnly = install("hello-simple", "ProtectSystem=strict");
        readOnly.start();
        assertTrue(
                readOnly.journal().matches("(?s).*no upgrades here[^\n]*Read-only file system.*"), readOnly::journal);
        readOnly.stop();

        SystemdUnit noExec = install("hello-ctl", "TemporaryFileSystem=/tmp:noexec");
        noExec.start();
        assertEquals(1, noExec.attempt("reload").status(), noExec::journal);
        assertTrue(noExec.journal().matches("(?s).*upgrade refused[^\n]*no upgrades here.*"), noExec::journal);
        noExec.set(
                "TemporaryFileSystem=/tmp:noexec\nCacheDirectory=hello\nEnvironment=JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=/var/cache/hello");
        systemd.run("systemctl", "restart", "hello-ctl");
        Await.until("a PID file", () -> Files.exists(systemd.path("/run/hello-ctl/pid")), noExec::journal);
        noExec.reload();
        noExec.stop();
    }

    @Test
    void aJvmNeedsMemoryThatItCanWriteAndExecute() throws IOException {
        SystemdUnit unit = install("hello-notify", "MemoryDenyWriteExecute=yes\nRestart=no");
        assertEquals(1, unit.attempt("start").status(), unit::journal);
        assertTrue(unit.journal().contains("Failed to mark memory page as executable"), unit::journal);
    }
}
