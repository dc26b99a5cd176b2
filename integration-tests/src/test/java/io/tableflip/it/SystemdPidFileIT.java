package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The unit files of the examples that follow the PID file, under a real systemd. docs/systemd.md says what comes out here. */
class SystemdPidFileIT {
    private static final int RELOADS = 10;

    private static StrictLoad load(SystemdUnit unit) throws IOException {
        return StrictLoad.builder()
                .target(unit.address())
                .rate(200)
                .connections(20)
                .thinkTimes(Duration.ZERO, Duration.ofMillis(20), Duration.ofMillis(200), Duration.ofMillis(800))
                .slow(0.05, Duration.ofMillis(300))
                .start();
    }

    private static void assertClean(StrictLoad load, SystemdUnit unit) {
        LoadResult result = load.stop();
        assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + unit.journal());
    }

    private static void assertServes(SystemdUnit unit, long pid) {
        assertEquals(pid, unit.mainPid(), unit::journal);
        assertEquals(pid, unit.pid(), unit::journal);
        assertEquals("active", unit.property("ActiveState"), unit::journal);
        assertEquals("running", unit.property("SubState"), unit::journal);
        assertEquals(1, unit.processes(), unit::journal);
        assertTrue(Http.get(unit.address(), "/").contains("\"pid\":" + pid + ","), unit::journal);
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello-simple", "hello-forking"})
    void eachReloadUpgradesAndNoRequestFails(String name) throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, name);
            unit.start();
            List<Long> pids = new ArrayList<>(List.of(unit.pid()));
            try (StrictLoad load = load(unit)) {
                for (int i = 0; i < RELOADS; i++) {
                    unit.upgrade();
                    pids.add(unit.pid());
                    assertNotEquals(pids.get(i), pids.get(i + 1));
                    assertServes(unit, pids.get(i + 1));
                }
                assertClean(load, unit);
            }
            assertEquals("0", unit.property("NRestarts"));
            unit.stop();
            unit.assertStoppedGracefully();
            String journal = unit.journal();
            assertFalse(journal.contains("not our child"), journal);
            for (long pid : pids) {
                assertTrue(journal.contains("[" + pid + "] INFO generation"), journal);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello-simple", "hello-forking"})
    void anUpgradeThatFailsLeavesTheUnitAsItWas(String name) throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, name);
            unit.start();
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
            SystemdUnit unit = SystemdUnit.install(systemd, name, "--upgrade-timeout 3s");
            unit.start();
            unit.configureToHang();
            failsAndIsServedOn(unit, "not upgraded \\(TIMED_OUT\\)");
        }
    }

    private static void failsAndIsServedOn(SystemdUnit unit, String outcome) throws IOException {
        long pid = unit.pid();
        try (StrictLoad load = load(unit)) {
            unit.reload();
            unit.awaitJournal(outcome);
            assertServes(unit, pid);
            assertClean(load, unit);
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
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-simple");
            unit.start();
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
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-simple", "--ready-after 60s");
            unit.start();
            CompletableFuture<String> slow = Http.start(unit.address(), "/slow?ms=8000");
            unit.reload();
            unit.awaitJournal("generation 2 \\(pid \\d+\\) accepts connections");
            assertFalse(slow.isDone(), unit::journal);
            unit.stop();
            unit.assertStoppedGracefully();
            assertTrue(slow.join().contains("\"generation\":1"), unit::journal);
        }
    }

    /** The window in which there are two processes, each with a request under way. */
    @ParameterizedTest
    @ValueSource(strings = {"hello-simple", "hello-forking"})
    void aStopWhileTheOldProcessDrains(String name) throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, name, "--ready-after 0s");
            unit.start();
            InetSocketAddress address = unit.address();
            CompletableFuture<String> slow = Http.start(address, "/slow?ms=8000");
            long old = unit.pid();
            unit.reload();
            unit.awaitSuccessor(old);
            assertFalse(slow.isDone(), unit::journal);
            assertEquals(old, unit.mainPid());
            CompletableFuture<String> slowToo = Http.start(address, "/slow?ms=1000");
            unit.stop();
            unit.assertStoppedGracefully();
            assertTrue(slow.join().contains("\"generation\":1"), unit::journal);
            assertTrue(slowToo.join().contains("\"generation\":2"), unit::journal);
        }
    }

    /** Such a reload fails, or else systemd would kill the new process with SIGKILL at the next stop. */
    @Test
    void aReloadWhileTheOldProcessDrainsFailsAndChangesNothing() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-simple", "--ready-after 0s");
            unit.start();
            long old = unit.pid();
            CompletableFuture<String> slow = Http.start(unit.address(), "/slow?ms=8000");
            unit.reload();
            unit.awaitSuccessor(old);
            assertEquals(1, unit.attempt("reload").status(), unit::journal);
            assertFalse(slow.isDone(), unit::journal);
            assertTrue(unit.journal().contains("upgrade: refused: a newer process has taken over already"));
            assertTrue(slow.join().contains("\"generation\":1"), unit::journal);
            unit.awaitGone(old);
            assertServes(unit, unit.pid());
            unit.upgrade();
            assertServes(unit, unit.pid());
            slow = Http.start(unit.address(), "/slow?ms=2000");
            unit.stop();
            unit.assertStoppedGracefully();
            assertTrue(slow.join().contains("\"generation\":3"), unit::journal);
            assertFalse(unit.journal().contains("not our child"), unit::journal);
        }
    }

    @Test
    void aServiceThatIsKilledIsStartedAgain() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-simple");
            unit.start();
            unit.upgrade();
            long killed = unit.pid();
            unit.signal("KILL", killed);
            unit.awaitJournal("(?s)code=killed, status=9/KILL.*generation 1 \\(pid \\d+\\) is serving.*listening on");
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
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-simple", "--ready-after 0s");
            unit.start();
            long old = unit.pid();
            CompletableFuture<String> slow = Http.start(unit.address(), "/slow?ms=600000");
            unit.reload();
            unit.awaitSuccessor(old);
            assertEquals(old, unit.mainPid());
            unit.signal("KILL", old);
            unit.awaitGone(old);
            assertServes(unit, unit.pid());
            assertTrue(
                    slow.handle((answer, failure) -> failure != null).join(), "it was in flight in a killed process");
            assertEquals("0", unit.property("NRestarts"));
            unit.stop();
            unit.assertStoppedGracefully();
        }
    }

    /** A limit that is documented: without systemd the new process would carry on alone. */
    @Test
    void aServiceThatIsKilledBeforeTheCommitIsStartedAgainAndItsUpgradeIsGivenUp() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-simple", "--ready-after 60s");
            unit.start();
            Http.start(unit.address(), "/slow?ms=600000");
            unit.reload();
            unit.awaitJournal("generation 2 \\(pid \\d+\\) accepts connections");
            unit.signal("KILL", unit.pid());
            unit.awaitJournal("(?s)code=killed, status=9/KILL.*generation 1 \\(pid \\d+\\) is serving.*listening on");
            assertServes(unit, unit.pid());
            assertEquals("1", unit.property("NRestarts"));
        }
    }
}
