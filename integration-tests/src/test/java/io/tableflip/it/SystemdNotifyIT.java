package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The unit files of the examples that talk with systemd, under a real one: notifications and socket activation. */
@Tag("systemd")
class SystemdNotifyIT {
    private static final int RELOADS = 3;

    /** Reloads, and waits until systemd takes the reload for done. */
    private static void upgrade(SystemdUnit unit) {
        unit.upgrade();
        awaitActive(unit);
        assertEquals(unit.pid(), unit.mainPid(), unit::journal);
        Await.until("one process", () -> unit.processes() == 1, unit::journal); // see Service.awaitOnly
    }

    private static void awaitActive(SystemdUnit unit) {
        Await.until("active", () -> unit.property("ActiveState").equals("active"), unit::journal);
    }

    @Test
    void eachReloadUpgradesAndNoRequestFails() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify");
            systemd.run("systemctl", "start", "hello-notify");
            assertTrue(Http.get(unit.address(), "/").contains("\"generation\":1"), "the start is over when it serves");
            assertEquals("generation 1 serves", unit.property("StatusText"));
            try (StrictLoad load = unit.load()) {
                for (int generation = 2; generation <= 1 + RELOADS; generation++) {
                    upgrade(unit);
                    assertEquals("generation " + generation + " serves", unit.property("StatusText"), unit::journal);
                }
                unit.assertClean(load);
            }
            assertEquals("0", unit.property("NRestarts"));
            CompletableFuture<String> slow = Http.start(unit.address(), "/slow?ms=3000");
            unit.stop();
            unit.assertStoppedGracefully();
            assertTrue(slow.join().contains("\"generation\":" + (1 + RELOADS)), unit::journal);
            assertFalse(unit.journal().contains("not our child"), unit::journal);
            assertFalse(unit.journal().contains("reception only permitted"), unit::journal);
        }
    }

    /** When this returns the connection has been accepted by the process that serves now: the one that is made later has. */
    private static CompletableFuture<String> startSlow(InetSocketAddress address, String path) throws IOException {
        CompletableFuture<String> slow = Http.start(address, path);
        Http.get(address, "/");
        return slow;
    }

    @Test
    void aReloadLastsUntilTheOldProcessHasGone() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify", "--ready-after 0s");
            unit.start();
            long old = unit.pid();
            try (KeptClient client = new KeptClient(unit)) {
                unit.beginReload();
                unit.awaitSuccessor(old);
                Await.until(
                        "its drain is told",
                        () -> unit.property("StatusText").equals("upgraded, draining 1 connection"),
                        unit::journal);
                assertEquals("reloading", unit.property("ActiveState"), unit::journal);
                assertEquals(old, unit.mainPid());
                unit.beginReload(); // which systemd keeps until this one is over
                client.ask(1);
            }
            unit.awaitGone(old);
            unit.awaitJournal("generation 2 \\(pid \\d+\\) is done");
            awaitActive(unit);
            assertTrue(Http.get(unit.address(), "/").contains("\"generation\":3,"), unit::journal);
            assertEquals(unit.pid(), unit.mainPid());
            upgrade(unit);
            unit.stop();
            unit.assertStoppedGracefully();
        }
    }

    @Test
    void anUpgradeThatFailsLeavesTheUnitActiveAndSaysWhy() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify");
            unit.start();
            long pid = unit.pid();
            unit.configure("rubbish\n");
            unit.reload();
            awaitStatus(systemd, "generation 1 serves on, upgrade failed: .*rubbish");
            awaitActive(unit);
            assertEquals(pid, unit.mainPid());
            assertEquals(pid, unit.pid());
            unit.configure("greeting = good\n");
            upgrade(unit);
            assertNotEquals(pid, unit.mainPid());
        }
    }

    /** A timeout so short that no upgrade has to be within it. */
    @Test
    void anUpgradeThatHangsLeavesTheUnitActiveAndSaysWhy() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify", "--upgrade-timeout 3s");
            unit.start();
            long pid = unit.pid();
            unit.configureToHang();
            unit.reload();
            awaitStatus(systemd, "generation 1 serves on, upgrade failed: the child was not ready within 3 s");
            awaitActive(unit);
            assertEquals(pid, unit.mainPid());
            assertEquals(pid, unit.pid());
        }
    }

    private static void awaitStatus(Systemd systemd, String regex) {
        Await.until(
                "status: " + regex,
                () -> systemd.run("systemctl", "status", "hello-notify")
                        .matches("(?s).*Status: \"" + regex + "[^\n]*\"\n.*"),
                () -> systemd.run("systemctl", "status", "hello-notify"));
    }

    @Test
    void aServiceThatIsKilledIsStartedAgain() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify");
            unit.start();
            upgrade(unit);
            unit.signal("KILL", unit.pid());
            unit.awaitJournal("(?s)code=killed, status=9/KILL.*generation 1 \\(pid \\d+\\) is serving.*listening on");
            awaitActive(unit);
            assertEquals("1", unit.property("NRestarts"));
            upgrade(unit);
        }
    }

    @Test
    void anOldProcessThatIsKilledAfterTheCommitEndsTheReload() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify", "--ready-after 0s");
            unit.start();
            long old = unit.pid();
            CompletableFuture<String> slow = startSlow(unit.address(), "/slow?ms=600000");
            unit.beginReload();
            unit.awaitSuccessor(old);
            unit.signal("KILL", old);
            unit.awaitGone(old);
            awaitActive(unit);
            assertEquals(unit.pid(), unit.mainPid());
            assertTrue(slow.handle((answer, failure) -> failure != null).join(), "it was in the killed process");
            assertEquals("0", unit.property("NRestarts"));
            upgrade(unit);
        }
    }

    @Test
    void aStopWhileTheOldProcessDrains() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-notify", "--ready-after 0s");
            unit.start();
            long old = unit.pid();
            try (KeptClient client = new KeptClient(unit)) {
                unit.beginReload();
                unit.awaitSuccessor(old);
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

    @Test
    void aSocketOfSystemdIsInheritedAndOutlivesTheService() throws IOException {
        try (Systemd systemd = Systemd.boot()) {
            InetSocketAddress address = freeAddress();
            String written = "127.0.0.1:" + address.getPort();
            systemd.write(
                    "/etc/systemd/system/hello-socket.socket",
                    Files.readString(Service.projectFile("examples/systemd/hello-socket.socket"))
                            .replace("127.0.0.1:8080", written));
            SystemdUnit unit = SystemdUnit.install(systemd, "hello-socket");
            unit.edit(text -> text.replace("127.0.0.1:8080", written));
            systemd.run("systemctl", "start", "hello-socket.socket");
            assertTrue(Http.get(address, "/").contains("\"generation\":1"), "the first connection starts it");
            awaitActive(unit); // a reload until then would be part of the start, and nothing else
            try (StrictLoad load = unit.load()) {
                for (int i = 0; i < 3; i++) {
                    upgrade(unit);
                    assertFalse(environment(systemd, unit.pid()).contains("LISTEN_"), unit::journal);
                }
                unit.assertClean(load);
            }
            assertTrue(unit.journal().contains("passed by systemd: [listener:tcp:" + written + "]"), unit::journal);
            unit.stop();
            unit.assertStoppedGracefully();
            assertTrue(Http.get(address, "/").contains("\"generation\":1"), "queued until it has started again");
        }
    }

    private static String environment(Systemd systemd, long pid) throws IOException {
        return Files.readString(systemd.path("/proc/" + pid + "/environ"));
    }

    private static InetSocketAddress freeAddress() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return new InetSocketAddress(socket.getInetAddress(), socket.getLocalPort());
        }
    }
}
