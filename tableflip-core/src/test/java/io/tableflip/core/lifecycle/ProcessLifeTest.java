package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How a process begins and ends, and its signals: real processes. */
class ProcessLifeTest {
    @TempDir
    Path directory;

    @Test
    void aStaleSentinelMeansNoParent() throws Exception {
        try (Service service = new Service.Start()
                .variable("TABLEFLIP_HAS_PARENT_7DIU3", "yes")
                .variable("TABLEFLIP_LINK", "2:1:2:3:4:5000")
                .shell("exec 3</dev/null 4>/dev/null; exec \"$@\"")
                .go()) {
            service.awaitPid(1, "built without a parent");
            service.await("TABLEFLIP_HAS_PARENT_7DIU3 is set, but descriptors 3 and 4 are no pipes");
            service.upgrade(1);
            service.awaitPid(2, "built with a parent");
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    /** Descriptors 3 and 4 are pipes with the right ends by accident. */
    @Tag("slow")
    @ParameterizedTest
    @CsvSource({
        ":, end of stream inside a number",
        "sleep 1000, 'not there within 5 s; was TABLEFLIP_HAS_PARENT_7DIU3 set'"
    })
    void aStaleSentinelOverPipesThatSayNothingIsToldInTime(String writer, String told) throws Exception {
        try (Service service = new Service.Start()
                .variable("TABLEFLIP_HAS_PARENT_7DIU3", "yes")
                .variable("TABLEFLIP_LINK", "2:1:2:3:4:5000")
                .shell(writer + " 2>/dev/null | { exec 4<&0 </dev/null 3>&1; \"$@\"; echo status $?; }")
                .go()) {
            service.await("IOException: the names of the descriptors from parent \\d+: " + told);
            service.await("status 1");
        }
    }

    @Tag("slow")
    @Test
    void aGrandchildDoesNotTakeItselfForAChild() throws Exception {
        try (Service service = new Service.Start().option("gen2", "grandchild").go()) {
            service.upgrade(1);
            long child = service.awaitPid(2, "ready$");
            service.await("TABLEFLIP_HAS_PARENT_7DIU3 is set, but");
            service.await("g1 p\\d+ ready$", 2);
            String line = service.toString()
                    .lines()
                    .filter(l -> l.matches("g1 p\\d+ ready"))
                    .reduce((first, second) -> second)
                    .orElseThrow();
            long grandchild = Long.parseLong(line.replaceAll("g1 p(\\d+) ready", "$1"));
            service.kill(grandchild, Service.SIGTERM);
            service.stop(child);
        }
    }

    @Test
    void aHangUpThatComesTooEarlyIsAnUpgradeAfterTheStart() throws Exception {
        try (Service service =
                new Service.Start().option("hold1", directory.resolve("go")).go()) {
            service.awaitPid(1, "waits for hold1");
            service.hangUp(service.pid());
            service.await("upgrade: requested and deferred until it is possible: this process is not ready yet");
            Files.createFile(directory.resolve("go"));
            service.awaitPid(1, "ready$");
            service.stop(service.awaitPid(2, "parentExited"));
        }
    }

    @Test
    void underNohupTheSignalIsSaidToHaveNoEffect() throws Exception {
        try (Service service = new Service.Start().under("nohup").go()) {
            service.await("SIGHUP has been ignored since the start of this process");
            long pid = service.awaitPid(1, "ready$");
            service.hangUp(pid);
            service.stop(pid);
            assertFalse(service.has("spawned"));
        }
    }

    @Test
    void withXrsTheSignalIsSaidToHaveNoHandler() throws Exception {
        try (Service service = new Service.Start().jvm("-Xrs").go()) {
            service.await("SIGHUP cannot be handled");
            service.await("SIGTERM cannot be handled");
            service.awaitPid(1, "ready$");
        }
    }

    @Tag("slow")
    @Test
    void thereIsOneUpgraderInAProcess() throws Exception {
        try (Service service = new Service.Start().option("gen1", "twice").go()) {
            service.await("second build: this process has an upgrader already");
            service.stop(service.awaitPid(1, "ready$"));
        }
    }

    @Test
    void aProcessThatDoesNotEndIsHaltedAtTheDeadline() throws Exception {
        try (Service service = new Service.Start()
                .option("gen1", "stuck")
                .option("exitDeadline", 200)
                .go()) {
            service.upgrade(1);
            service.await("still here PT0.2S after the exit");
            service.await("a-forgotten-loop at ");
            assertEquals(1, service.exitStatus());
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Tag("slow")
    @Test
    void garbageCollectionDoesNotEndTheLinkEarly() throws Exception {
        Path go = directory.resolve("go");
        try (Service service =
                new Service.Start().option("gc", true).option("drain", go).go()) {
            service.hangUp(service.awaitPid(1, "ready$"));
            service.await("g1 p\\d+ gc$");
            long child = service.awaitPid(2, "ready$");
            service.hangUp(child);
            service.await("deferred until it is possible: the parent has not exited yet");
            Files.createFile(go);
            service.awaitPid(2, "parentExited");
            String output = service.toString();
            assertTrue(
                    output.indexOf("g1 p" + service.pid() + " exit") < output.indexOf("g2 p" + child + " parentExited"),
                    output);
            service.stop(child);
        }
    }

    @Test
    void aPidFileThatCannotBeWrittenEndsTheProcess() throws Exception {
        try (Service service = new Service.Start().option("pid", directory).go()) {
            service.await("ready failed: .*PID file " + directory + " is a directory");
            service.await("awaitExit threw java.lang.IllegalStateException: this process did not get ready: PID file");
            assertEquals(1, service.exitStatus());
            service.awaitEnd();
        }
    }

    @Test
    void aSecondSignalEndsAtOnce() throws Exception {
        Path pid = directory.resolve("app.pid");
        try (Service service = new Service.Start()
                .option("drain", directory.resolve("never"))
                .option("pid", pid)
                .go()) {
            long process = service.awaitPid(1, "ready$");
            service.kill(process, Service.SIGTERM);
            service.await("g1 p\\d+ waits for drain");
            service.kill(process, Service.SIGTERM);
            service.await("SIGTERM again: ends at once");
            assertEquals(1, service.exitStatus());
            assertFalse(Files.exists(pid));
        }
    }

    @Tag("slow")
    @Test
    void aStopOfTheWholeGroupDuringAHandoverCutsNobody() throws Exception {
        // a service manager or a terminal signals every process; the parent passes its signal on besides
        Path go = directory.resolve("go");
        try (Service service = new Service.Start()
                .option("readyAfter", 600_000)
                .option("drain", go)
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("g1 p\\d+ waits for drain");
            long child = service.awaitPid(2, "resume");
            service.kill(child, Service.SIGTERM);
            service.await("g2 p\\d+ waits for drain");
            service.kill(parent, Service.SIGTERM);
            service.await("g1 p\\d+ release");
            Files.createFile(go);
            service.awaitPid(1, "exit");
            service.awaitPid(2, "exit");
            service.awaitEnd();
            assertFalse(service.has("ends at once"), service::toString);
        }
    }

    @Test
    void aStopDuringAHandoverIsPassedOn() throws Exception {
        Path go = directory.resolve("go");
        try (Service service = new Service.Start()
                .option("readyAfter", 600_000)
                .option("drain", go)
                .option("pid", directory.resolve("app.pid"))
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("g1 p\\d+ waits for drain");
            service.kill(parent, Service.SIGTERM);
            service.await("g2 p\\d+ waits for drain");
            service.kill(service.awaitPid(2, "resume"), Service.SIGTERM); // the manager's own comes late
            service.await("this process is leaving already");
            Files.createFile(go);
            service.awaitPid(1, "exit");
            service.awaitPid(2, "exit");
            service.awaitEnd();
            assertFalse(service.has("ends at once"), service::toString);
            assertFalse(Files.exists(directory.resolve("app.pid")));
        }
    }
}
