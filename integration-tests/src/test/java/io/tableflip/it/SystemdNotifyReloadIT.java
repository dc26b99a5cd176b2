package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The unit file of the examples for which systemd itself sends the signal, and waits: systemd 257. */
@Tag("systemd")
class SystemdNotifyReloadIT {
    private static final String NAME = "hello-notify-reload";
    private static final int RELOADS = 3;

    private static SystemdUnit start(Systemd systemd, String... options) throws IOException {
        SystemdUnit unit = SystemdUnit.install(systemd, NAME, options);
        unit.start();
        return unit;
    }

    /** That it has returned is enough: there is nothing to wait for. */
    private static void reload(Systemd systemd, SystemdUnit unit) {
        long old = unit.pid();
        unit.reload();
        assertFalse(Files.exists(systemd.path("/proc/" + old)), unit::journal);
        assertServes(unit, unit.pid());
        assertTrue(unit.pid() != old, unit::journal);
    }

    private static void assertServes(SystemdUnit unit, long pid) {
        assertEquals(pid, unit.mainPid(), unit::journal);
        assertEquals(pid, unit.pid(), unit::journal);
        assertEquals("active", unit.property("ActiveState"), unit::journal);
        assertTrue(Http.get(unit.address(), "/").contains("\"pid\":" + pid + ","), unit::journal);
    }

    /** When this returns the process that serves now has the connection. */
    private static CompletableFuture<String> startSlow(SystemdUnit unit, String path) throws IOException {
        InetSocketAddress address = unit.address();
        CompletableFuture<String> slow = Http.start(address, path);
        Http.get(address, "/");
        return slow;
    }

    private static CompletableFuture<Systemd.Result> startReload(SystemdUnit unit) {
        return CompletableFuture.supplyAsync(() -> unit.attempt("reload"));
    }

    private static void awaitActive(SystemdUnit unit) {
        Await.until("active", () -> unit.property("ActiveState").equals("active"), unit::journal);
    }

    private static void assertStatus(Systemd systemd, String regex) {
        String status = systemd.run("systemctl", "status", NAME);
        assertTrue(status.matches("(?s).*Status: \"" + regex + "[^\n]*\"\n.*"), status);
    }

    @Test
    void eachReloadReturnsWhenTheNewProcessIsTheOnlyOneAndNoRequestFails() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd);
            try (StrictLoad load = unit.load()) {
                for (int i = 0; i < RELOADS; i++) {
                    reload(systemd, unit);
                }
                unit.assertClean(load);
            }
            assertStatus(systemd, "generation " + (1 + RELOADS) + " serves");
            assertEquals("0", unit.property("NRestarts"));
            CompletableFuture<String> slow = startSlow(unit, "/slow?ms=3000");
            unit.stop();
            unit.assertStoppedGracefully();
            assertTrue(slow.join().contains("\"generation\":" + (1 + RELOADS)), unit::journal);
            assertFalse(unit.journal().contains("not our child"), unit::journal);
            assertFalse(unit.journal().contains("reception only permitted"), unit::journal);
        }
    }

    /** A reload that systemd begins while an upgrade runs of which it does not know, as after a signal by hand in the very same moment. */
    @Test
    void aReloadDuringAnUpgradeIsAnUpgradeAfterIt() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd);
            unit.configureToHang();
            unit.signal("HUP", unit.pid());
            // what the service says is sent beside the upgrade, maybe after the spawn: systemd shall hear the test
            // later
            Await.until("reloading", () -> unit.property("ActiveState").equals("reloading"), unit::journal);
            long child = unit.awaitSpawned();
            unit.notifySystemd("READY=1");
            awaitActive(unit);
            CompletableFuture<Systemd.Result> reload = startReload(unit);
            unit.awaitJournal("upgrade: requested and deferred[^\n]*another upgrade is in progress");
            assertFalse(reload.isDone());
            long old = unit.pid();
            unit.configure("greeting = good\n");
            unit.signal("KILL", child);
            assertEquals(0, reload.join().status(), unit::journal);
            unit.awaitJournal("upgrade: failed [^\n]*the child ended before it was ready");
            unit.awaitGone(old);
            awaitActive(unit);
            assertServes(unit, unit.pid());
        }
    }

    /** The command cannot be told that an upgrade has failed, only that the reload is over. */
    @Test
    void anUpgradeThatFailsOrIsRefusedEndsTheReloadAndSaysWhy() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd);
            long pid = unit.pid();
            unit.configure("rubbish\n");
            unit.reload();
            assertStatus(systemd, "generation 1 serves on, upgrade failed: .*rubbish");
            assertServes(unit, pid);
            unit.configure("greeting = good\n");
            systemd.run("chown", "root", "/run/" + NAME);
            unit.reload();
            assertStatus(systemd, "generation 1 serves on, upgrade failed: .*/run/" + NAME + "/pid.*");
            assertServes(unit, pid);
            systemd.run("chown", "hello", "/run/" + NAME);
            reload(systemd, unit);
            assertFalse(unit.journal().contains("Reload operation timed out"), unit::journal);
            assertFalse(unit.journal().contains("Reload failed"), unit::journal);
        }
    }

    /** A timeout so short that no upgrade has to be within it; systemd waits for the library, even if it is told to wait for less. */
    @Test
    void anUpgradeThatHangsEndsTheReloadAndSaysWhy() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd, "--upgrade-timeout 5s");
            unit.set("TimeoutStartSec=3"); // not for the start, which may take longer
            long pid = unit.pid();
            unit.configureToHang();
            unit.reload();
            assertStatus(systemd, "generation 1 serves on, upgrade failed: the child was not ready within 5 s");
            assertServes(unit, pid);
            assertFalse(unit.journal().contains("Reload operation timed out"), unit::journal);
            assertFalse(unit.journal().contains("Reload failed"), unit::journal);
        }
    }

    @Test
    void aReloadLastsAsLongAsTheDrain() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd, "--ready-after 0s");
            unit.set("TimeoutStartSec=3");
            long old = unit.pid();
            CompletableFuture<Systemd.Result> reload;
            try (KeptClient client = new KeptClient(unit)) {
                long began = System.nanoTime();
                reload = startReload(unit);
                unit.awaitSuccessor(old);
                unit.signal("HUP", old);
                unit.awaitJournal("upgrade: requested, and passed on");
                Await.until(
                        "TimeoutStartSec is over",
                        () -> System.nanoTime() - began > Duration.ofSeconds(5).toNanos());
                assertEquals(old, unit.mainPid());
                assertEquals("reloading", unit.property("ActiveState"), unit::journal);
                assertFalse(reload.isDone());
                client.ask(1);
            }
            assertEquals(0, reload.join().status(), unit::journal);
            assertFalse(Files.exists(systemd.path("/proc/" + old)), unit::journal);
            unit.awaitJournal("generation 2 \\(pid \\d+\\) is done");
            awaitActive(unit);
            assertServes(unit, unit.pid());
            unit.stop();
            unit.assertStoppedGracefully();
        }
    }

    @Test
    void aStopBeforeTheTakeover() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd);
            unit.configureToHang();
            CompletableFuture<Systemd.Result> reload;
            try (KeptClient client = new KeptClient(unit)) {
                reload = startReload(unit);
                unit.awaitJournal("upgrade: spawned generation 2");
                unit.beginStop(unit.pid());
                client.ask(1);
            }
            unit.awaitStopped();
            unit.assertStoppedGracefully();
            assertTrue(reload.join().status() != 0, unit::journal);
        }
    }

    @Test
    void aStopWhileTheOldProcessDrains() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd, "--ready-after 0s");
            long old = unit.pid();
            CompletableFuture<Systemd.Result> reload;
            try (KeptClient client = new KeptClient(unit)) {
                reload = startReload(unit);
                unit.awaitSuccessor(old);
                try (KeptClient newClient = new KeptClient(unit)) {
                    unit.beginStop(old, unit.pid());
                    newClient.ask(2);
                    client.ask(1);
                }
            }
            unit.awaitStopped();
            unit.assertStoppedGracefully();
            assertTrue(reload.join().status() != 0, unit::journal);
        }
    }

    @Test
    void processesThatAreKilled() throws IOException {
        try (Systemd systemd = Systemd.boot257()) {
            SystemdUnit unit = start(systemd, "--ready-after 0s");
            long old = unit.pid();
            CompletableFuture<String> slow = startSlow(unit, "/slow?ms=600000");
            CompletableFuture<Systemd.Result> reload = startReload(unit);
            unit.awaitSuccessor(old);
            unit.signal("KILL", old);
            assertEquals(0, reload.join().status(), unit::journal);
            assertServes(unit, unit.pid());
            assertEquals("0", unit.property("NRestarts"));
            assertTrue(slow.handle((answer, failure) -> failure != null).join(), "it was in the killed process");

            unit.signal("KILL", unit.pid());
            unit.awaitJournal("(?s)code=killed, status=9/KILL.*generation 1 \\(pid \\d+\\) is serving.*listening on");
            awaitActive(unit);
            assertEquals("1", unit.property("NRestarts"));
            reload(systemd, unit);
        }
    }
}
