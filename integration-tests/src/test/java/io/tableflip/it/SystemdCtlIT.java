package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A unit whose reload is the command {@code ctl upgrade}, under a real systemd: the reload is over, and has failed, when the upgrade is and has. */
@Tag("systemd")
class SystemdCtlIT {
    private static final int RELOADS = 3;

    private static void assertServes(SystemdUnit unit, long pid) {
        assertEquals(pid, unit.mainPid(), unit::journal);
        assertEquals(pid, unit.pid(), unit::journal);
        assertEquals("active", unit.property("ActiveState"), unit::journal);
    }

    @Test
    void aReloadIsOverWhenTheNewProcessIsTheOnlyOne() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-ctl");
            unit.start();
            try (StrictLoad load = unit.load()) {
                for (int generation = 2; generation <= 1 + RELOADS; generation++) {
                    long old = unit.pid();
                    unit.reload();
                    assertNotEquals(old, unit.pid(), unit::journal);
                    assertServes(unit, unit.pid());
                    String outcome = "generation " + generation + " (pid " + unit.pid()
                            + ") is the service, generation " + (generation - 1) + " (pid " + old + ") has ended";
                    assertTrue(unit.journal().contains(outcome), unit::journal);
                }
                unit.assertClean(load);
            }
            String status = status(systemd);
            assertTrue(status.startsWith("serving: generation " + (1 + RELOADS) + " (pid " + unit.pid() + ")"), status);
            CompletableFuture<String> slow = Http.start(unit.address(), "/slow?ms=2000");
            unit.stop();
            unit.assertStoppedGracefully();
            assertTrue(slow.join().contains("\"generation\":" + (1 + RELOADS)), unit::journal);
            assertFalse(unit.journal().contains("not our child"), unit::journal);
        }
    }

    private static String status(Systemd systemd) {
        return systemd.run(
                "/usr/bin/java",
                "-jar",
                "/srv/hello/tableflip-examples.jar",
                "ctl",
                "status",
                "--pid-file",
                "/run/hello-ctl/pid");
    }

    @Test
    void aReloadFailsWhenTheUpgradeDoes() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-ctl");
            unit.start();
            long pid = unit.pid();
            try (StrictLoad load = unit.load()) {
                unit.configure("rubbish\n");
                assertEquals(1, unit.attempt("reload").status(), unit::journal);
                assertTrue(
                        unit.journal()
                                .matches("(?s).*upgrade failed after \\d+ ms, generation 1 \\(pid " + pid
                                        + "\\) serves on: [^\n]*rubbish.*"),
                        unit::journal);
                assertServes(unit, pid);
                unit.assertClean(load);
            }
            String status = status(systemd);
            assertTrue(status.contains("failed after"), status);
            unit.configure("greeting = good\n");
            unit.reload();
            assertServes(unit, unit.pid());
            assertNotEquals(pid, unit.pid());
        }
    }

    /** A timeout so short that no upgrade has to be within it. */
    @Test
    void aReloadFailsWhenTheUpgradeHangs() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-ctl", "--upgrade-timeout 3s");
            unit.start();
            long pid = unit.pid();
            try (StrictLoad load = unit.load()) {
                unit.configureToHang();
                assertEquals(1, unit.attempt("reload").status(), unit::journal);
                assertTrue(unit.journal().contains("serves on: the child was not ready within 3 s"), unit::journal);
                assertServes(unit, pid);
                unit.assertClean(load);
            }
        }
    }

    @Test
    void aStopEndsAReloadThatWaits() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-ctl", "--ready-after 0s");
            unit.start();
            long old = unit.pid();
            CompletableFuture<Integer> reload;
            try (KeptClient client = new KeptClient(unit)) {
                reload = CompletableFuture.supplyAsync(
                        () -> unit.attempt("reload").status());
                unit.awaitSuccessor(old);
                assertFalse(reload.isDone(), "the old process is still there");
                unit.beginStop(old);
                client.ask(1);
            }
            unit.awaitStopped();
            unit.assertStoppedGracefully();
            assertNotEquals(0, reload.join());
        }
    }

    /**
     * By systemd, which runs one reload of a unit at a time, and one for all that are asked for meanwhile.
     */
    @Test
    void aReloadDuringAReloadIsRunAfterThat() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-ctl", "--ready-after 0s");
            unit.start();
            long old = unit.pid();
            CompletableFuture<Integer> reloads;
            try (KeptClient client = new KeptClient(unit)) {
                unit.beginReload();
                unit.awaitSuccessor(old);
                reloads = CompletableFuture.supplyAsync(
                        () -> unit.attempt("reload").status());
                Await.until(
                        "a second one waits",
                        () -> systemd.run("systemctl", "list-jobs")
                                .matches("(?s).*hello-ctl\\.service +reload +waiting.*"),
                        unit::journal);
                client.ask(1);
            }
            assertEquals(0, reloads.join(), unit::journal);
            assertTrue(unit.journal().contains("generation 3 (pid " + unit.pid() + ") is the service"), unit::journal);
            assertServes(unit, unit.pid());
        }
    }

    /** It tells systemd of the upgrade, and the command waits for it: both at once. */
    @Test
    void aUnitWithNotificationsMayReloadSoToo() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify");
            unit.edit(
                    text -> text.replace("--listen 127.0.0.1:8080", "--listen 127.0.0.1:0")
                            .replace(
                                    "ExecReload=/bin/kill -HUP $MAINPID",
                                    "ExecReload=/usr/bin/java -jar /srv/hello/tableflip-examples.jar ctl upgrade --pid-file /run/hello-notify/pid"));
            unit.start();
            for (int i = 0; i < 3; i++) {
                long old = unit.pid();
                unit.reload();
                assertNotEquals(old, unit.pid(), unit::journal);
                Await.until("active", () -> unit.property("ActiveState").equals("active"), unit::journal);
                assertServes(unit, unit.pid());
            }
            unit.configure("rubbish\n");
            assertEquals(1, unit.attempt("reload").status(), unit::journal);
            Await.until("active", () -> unit.property("ActiveState").equals("active"), unit::journal);
            assertTrue(unit.property("StatusText").contains("upgrade failed"), unit::journal);
            unit.stop();
            unit.assertStoppedGracefully();
            assertFalse(unit.journal().contains("not our child"), unit::journal);
        }
    }
}
