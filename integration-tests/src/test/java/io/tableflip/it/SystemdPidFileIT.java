package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The unit files of the examples that follow the PID file, under a real systemd. docs/systemd.md says what comes out here. */
@Tag("systemd")
class SystemdPidFileIT {
    private static final int RELOADS = 3;
    private static final String STARTED_AGAIN =
            "(?s)code=killed, status=9/KILL.*generation 1 \\(pid \\d+\\) is serving.*listening on";

    private static void assertServes(SystemdUnit unit, long pid) {
        assertEquals(pid, unit.mainPid(), unit::journal);
        assertEquals(pid, unit.pid(), unit::journal);
        assertEquals("active", unit.property("ActiveState"), unit::journal);
        assertEquals("running", unit.property("SubState"), unit::journal);
        // what prepares the next upgrade spawns something for a moment
        Await.until("one process", () -> unit.processes() == 1, unit::journal);
        assertTrue(Http.get(unit.address(), "/").contains("\"pid\":" + pid + ","), unit::journal);
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello-simple", "hello-forking"})
    void eachReloadUpgradesAndNoRequestFails(String name) throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, name);
            List<Long> pids = new ArrayList<>(List.of(unit.pid()));
            try (StrictLoad load = unit.load()) {
                for (int i = 0; i < RELOADS; i++) {
                    unit.upgrade();
                    pids.add(unit.pid());
                    assertNotEquals(pids.get(i), pids.get(i + 1));
                    assertServes(unit, pids.get(i + 1));
                }
                unit.assertClean(load);
            }
            assertEquals("0", unit.property("NRestarts"));
            unit.stop();
            unit.assertStoppedGracefully();
            String journal = unit.journal();
            assertFalse(journal.contains("not our child"), journal);
            for (long pid : pids) {
                assertTrue(journal.matches("(?s).*\\[" + pid + "] INFO [^\n]*generation.*"), journal);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello-simple", "hello-forking"})
    void anUpgradeThatFailsLeavesTheUnitAsItWas(String name) throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, name);
            unit.configure("rubbish\n");
            failsAndIsServedOn(unit, "not upgraded \\(CHILD_FAILED\\): .*rubbish");
            unit.configure("greeting = good\n");
            unit.upgrade();
            assertServes(unit, unit.pid());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello-simple", "hello-forking"})
    void anUpgradeThatHangsLeavesTheUnitAsItWas(String name) throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, name, "--upgrade-timeout 3s");
            unit.configureToHang();
            failsAndIsServedOn(unit, "not upgraded \\(TIMED_OUT\\)");
        }
    }

    private static void failsAndIsServedOn(SystemdUnit unit, String outcome) throws IOException {
        long pid = unit.pid();
        try (StrictLoad load = unit.load()) {
            unit.reload();
            unit.awaitJournal(outcome);
            assertServes(unit, pid);
            unit.assertClean(load);
        }
    }

    /** A start that fails is told by {@code systemctl start} itself. */
    @Test
    void aForkingUnitWhoseProgramFailsDoesNotStart() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-forking", "--no-such-option 1");
            assertEquals(1, unit.attempt("start").status(), unit::journal);
            assertTrue(unit.journal().contains("Failed to start"), unit::journal);
        }
    }

    @Test
    void aStopWhileTheNewProcessStarts() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, "hello-simple");
            unit.configureToHang();
            unit.reload();
            unit.awaitJournal("upgrade: spawned generation 2");
            unit.stop();
            unit.assertStoppedGracefully();
        }
    }

    @Test
    void aStopBetweenTakeoverAndCommit() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, "hello-simple", "--ready-after 5m");
            try (KeptClient client = new KeptClient(unit)) {
                unit.reload();
                unit.awaitJournal("generation 2 \\(pid \\d+\\) accepts connections");
                unit.beginStop(unit.pid());
                client.ask(1);
            }
            unit.awaitStopped();
            unit.assertStoppedGracefully();
        }
    }

    /** The window in which there are two processes, each with a client. */
    @ParameterizedTest
    @ValueSource(strings = {"hello-simple", "hello-forking"})
    void aStopWhileTheOldProcessDrains(String name) throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, name, "--ready-after 0s");
            long old = unit.pid();
            try (KeptClient client = new KeptClient(unit)) {
                unit.reload();
                unit.awaitSuccessor(old);
                assertEquals(old, unit.mainPid());
                try (KeptClient newClient = new KeptClient(unit)) {
                    unit.beginStop(old, unit.pid());
                    newClient.ask(2);
                    client.ask(1);
                }
            }
            unit.awaitStopped();
            unit.assertStoppedGracefully();
        }
    }

    /**
     * The service remembers it. Systemd must not read the PID file before: it would kill the new process with
     * SIGKILL at the next stop.
     */
    @Test
    void aReloadWhileTheOldProcessDrainsWaitsForItsEndAndUpgradesThen() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, "hello-simple", "--ready-after 0s");
            long old = unit.pid();
            CompletableFuture<Systemd.Result> reload;
            try (KeptClient client = new KeptClient(unit)) {
                unit.reload();
                unit.awaitSuccessor(old);
                systemd.run("systemctl", "daemon-reload");
                systemd.run("systemctl", "daemon-reexec");
                reload = CompletableFuture.supplyAsync(() -> unit.attempt("reload"));
                unit.awaitJournal("upgrade: requested");
                assertEquals(old, unit.mainPid());
                assertFalse(reload.isDone(), unit::journal);
                client.ask(1);
            }
            assertEquals(0, reload.join().status(), unit::journal);
            unit.awaitJournal("generation 2 \\(pid \\d+\\) is done");
            Await.until("generation 3 is the only one", () -> unit.pid() == unit.mainPid(), unit::journal);
            assertServes(unit, unit.pid());
            try (KeptClient client = new KeptClient(unit)) {
                unit.beginStop(unit.pid());
                client.ask(3);
            }
            unit.awaitStopped();
            unit.assertStoppedGracefully();
            assertFalse(unit.journal().contains("not our child"), unit::journal);
        }
    }

    /** To systemd the unit is active when the JVM was spawned. SIGHUP would end that. */
    @Test
    void aReloadWhileTheServiceStartsUpgradesWhenItServes() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-simple");
            systemd.run("systemctl", "start", "hello-simple");
            unit.reload();
            unit.awaitJournal("generation 2 \\(pid \\d+\\) is serving");
            assertEquals("0", unit.property("NRestarts"), unit::journal);
        }
    }

    @Test
    void aServiceThatIsKilledIsStartedAgain() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, "hello-simple");
            unit.upgrade();
            long killed = unit.pid();
            unit.signal("KILL", killed);
            unit.awaitJournal(STARTED_AGAIN);
            assertServes(unit, unit.pid());
            assertNotEquals(killed, unit.pid());
            assertEquals("1", unit.property("NRestarts"));
            unit.upgrade();
            assertServes(unit, unit.pid());
        }
    }

    @Test
    void anOldProcessThatIsKilledAfterTheCommitIsNotMissed() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, "hello-simple", "--ready-after 0s");
            long old = unit.pid();
            try (KeptClient client = new KeptClient(unit)) {
                unit.reload();
                unit.awaitSuccessor(old);
                assertEquals(old, unit.mainPid());
                unit.signal("KILL", old);
                unit.awaitGone(old);
                assertThrows(IOException.class, () -> client.ask(1), "its process was killed");
            }
            assertServes(unit, unit.pid());
            assertEquals("0", unit.property("NRestarts"));
            unit.stop();
            unit.assertStoppedGracefully();
        }
    }

    /** A limit that is documented: without systemd the new process would carry on alone. */
    @Test
    void aServiceThatIsKilledBeforeTheCommitIsStartedAgainAndItsUpgradeIsGivenUp() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, "hello-simple", "--ready-after 5m");
            try (KeptClient client = new KeptClient(unit)) {
                unit.reload();
                unit.awaitJournal("generation 2 \\(pid \\d+\\) accepts connections");
                // or it may carry on, and name itself in the PID file, before systemd has looked
                unit.signal("STOP", unit.awaitSpawned());
                unit.signal("KILL", unit.pid());
                unit.awaitJournal(STARTED_AGAIN);
                assertThrows(IOException.class, () -> client.ask(1), "its process was killed");
            }
            assertServes(unit, unit.pid());
            assertEquals("1", unit.property("NRestarts"));
        }
    }

    /** An unprivileged user's PID file may name processes of the unit alone. It is started again, beside the one that has left. */
    @Test
    void aProcessThatHasLeftTheUnitIsNotFollowed() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = install(systemd, "hello-simple", "--ready-after 0s");
            InetSocketAddress address = unit.address();
            long old = unit.pid();
            long left;
            try (KeptClient client = new KeptClient(unit)) {
                unit.reload();
                unit.awaitSuccessor(old);
                left = unit.pid();
                String elsewhere = "/sys/fs/cgroup/elsewhere";
                systemd.run(
                        "sh", "-c", "mkdir " + elsewhere + " && echo " + left + " > " + elsewhere + "/cgroup.procs");
                client.ask(1);
            }
            unit.awaitGone(old);
            unit.awaitJournal("New main PID " + left
                    + "( from PID file)? does not belong to service, and PID file is (not owned by root|owned by)");
            unit.awaitJournal("(?s)Scheduled restart job.*generation 1 \\(pid \\d+\\) is serving.*listening on");
            assertServes(unit, unit.pid());
            assertTrue(Http.get(address, "/").contains("\"pid\":" + left + ","), "the one outside goes on");
        }
    }

    private static SystemdUnit install(Systemd systemd, String name, String... options) throws IOException {
        SystemdUnit unit = SystemdUnit.install(systemd, name, options);
        unit.start();
        return unit;
    }
}
