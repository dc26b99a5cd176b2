package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Proc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Children that fail, parents that die: real processes. */
class FailedChildTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "crash  | CHILD_EXITED status OptionalInt.3.: the child ended before it was ready: exit status 3",
                "exit   | CHILD_FAILED status OptionalInt.4.: it exited before it was ready",
                "report | CHILD_FAILED status OptionalInt.*: bind 0.0.0.0:9090: Address already in use",
                "close  | CHILD_FAILED status OptionalInt.*: it closed its upgrader before it was ready",
            })
    void aChildThatFailsLeavesItsParentServing(String failure, String reason) throws Exception {
        try (Service service = new Service.Start()
                .option("gen2", failure)
                .option("pid", directory.resolve("app.pid"))
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            for (int attempt = 1; attempt <= 2; attempt++) {
                service.hangUp(parent);
                service.await("g1 p\\d+ rolledBack " + reason, attempt);
                Await.until(
                        "every child is waited for", () -> Proc.zombies(parent).isEmpty());
            }
            assertFalse(service.has("g1 p\\d+ pause"), "nobody was asked to leave");
            assertEquals(Long.toString(parent), Files.readString(directory.resolve("app.pid")));
            service.stop(parent);
            assertEquals(List.of(), List.of(directory.toFile().list()));
        }
    }

    @Tag("slow")
    @Test
    void aChildThatNeverReadsItsNamesHoldsUpNobody() throws Exception {
        try (Service service = new Service.Start()
                .option("many", 1200) // 1.2 MB, more than a pipe takes
                .option("child", "/bin/sh\n-c\nexec sleep 1000")
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            long child = Long.parseLong(service.await("g1 p\\d+ spawned (\\d+)").group(1));
            service.hangUp(parent);
            service.await("deferred until it is possible: another upgrade is in progress");
            service.kill(child, Service.SIGKILL);
            service.await("rolledBack CHILD_EXITED status OptionalInt.137.");
            service.stop(parent);
        }
    }

    @Test
    void aChildThatHangsIsKilledAtTheTimeout() throws Exception {
        try (Service service = new Service.Start()
                .option("gen2", "hang")
                .option("upgradeTimeout", 1000)
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("rolledBack TIMED_OUT status OptionalInt.empty: the child was not ready within 1 s");
            Await.until("every child is waited for", () -> Proc.zombies(parent).isEmpty());
            service.stop(parent);
        }
    }

    @Test
    void aCommandThatCannotBeStartedIsNamed() throws Exception {
        try (Service service =
                new Service.Start().option("child", "/no/such/program").go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("rolledBack SPAWN_FAILED .*posix_spawn /no/such/program.*No such file or directory");
            service.stop(parent);
        }
    }

    /** The executable of the service itself is gone, or broken, and comes back. */
    @Tag("slow")
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "---------|     | posix_spawn .*/java in /.*: No such file or directory",
                "rw-r--r--| old | posix_spawn .*/java in /.*: Permission denied",
                "rwxr-xr-x| old | posix_spawn .*/java in /.*: Exec format error",
                "rwxr-xr-x| '#!/no/such/interpreter' | posix_spawn .*/java in /.*: No such file or directory",
            })
    void anExecutableThatCannotBeStartedIsNamed(String mode, String content, String error) throws Exception {
        Path real = Path.of(System.getProperty("java.home"), "bin", "java");
        Path link = Files.createSymbolicLink(directory.resolve("java"), real);
        try (Service service = new Service.Start().java(link).go()) {
            long parent = service.awaitPid(1, "ready$");
            Files.delete(link);
            if (content != null) {
                Files.writeString(link, content);
                Files.setPosixFilePermissions(link, PosixFilePermissions.fromString(mode));
            }
            service.hangUp(parent);
            service.await("rolledBack SPAWN_FAILED status OptionalInt.empty: the child could not be started: " + error);
            assertFalse(service.has("g1 p\\d+ pause"));
            Files.deleteIfExists(link);
            Files.createSymbolicLink(link, real);
            service.upgrade(1);
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    /** The JVM of the child opens its own files where the descriptor should be. */
    @Test
    void aDescriptorThatAStartScriptClosesIsNamed() throws Exception {
        try (Service service = new Service.Start()
                .option("log", directory.resolve("log"))
                .option("child", "/bin/sh\n-c\nexec 5>&-; exec \"$@\"\nsh\nOWN")
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await(
                    "rolledBack CHILD_FAILED .*: fd:log \\(fd 5\\) was not passed: it is .*, which this JVM has opened");
            service.stop(parent);
        }
    }

    /** It holds the ends of the pipes that the child had, so that the parent sees no end-of-file. */
    @Tag("slow")
    @Test
    void aJobOfAStartScriptHidesNoCrash() throws Exception {
        try (Service service = withJob().option("gen2", "crash").go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("rolledBack CHILD_EXITED status OptionalInt.3.");
            service.stop(parent);
        }
    }

    @Tag("slow")
    @Test
    void aJobOfAStartScriptHidesNoKillAfterTheTakeover() throws Exception {
        try (Service service = withJob()
                .option("readyAfter", 600_000)
                .option("drain", directory.resolve("go"))
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("g1 p\\d+ drain");
            service.kill(service.awaitPid(2, "resume"), Service.SIGKILL);
            service.await("rolledBack CHILD_EXITED status OptionalInt.137.");
            service.await("g1 p\\d+ resume", 2);
            Files.createFile(directory.resolve("go"));
            service.stop(parent);
        }
    }

    /** The child drains for long, while the parent must accept again at once. */
    @Tag("slow")
    @Test
    void aJobOfAStartScriptHidesNoStopAfterTheTakeover() throws Exception {
        try (Service service = withJob()
                .option("readyAfter", 600_000)
                .option("drain", directory.resolve("go"))
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("g1 p\\d+ drain");
            service.kill(service.awaitPid(2, "resume"), Service.SIGTERM);
            service.await("g1 p\\d+ resume", 2);
            assertFalse(service.has("g2 p\\d+ exit"), "it still drains");
            Files.createFile(directory.resolve("go"));
            service.await("rolledBack CHILD_FAILED .*: it was stopped before it was ready");
            service.stop(parent);
        }
    }

    private static Service.Start withJob() {
        return new Service.Start().option("child", "/bin/sh\n-c\nsleep 1000 >/dev/null 2>&1 & exec \"$@\"\nsh\nOWN");
    }

    @Test
    void aStartScriptThatDoesNotExecIsRefusedAndItsJvmEnds() throws Exception {
        try (Service service = new Service.Start()
                .option("child", "/bin/sh\n-c\n\"$@\"; exit 0\nsh\nOWN")
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("rolledBack WRONG_PROCESS .*the start script must exec the JVM");
            service.await("g2 p\\d+ ready failed: .*parent " + parent + " ");
            service.await("g2 p\\d+ awaitExit threw");
            assertFalse(service.has("g1 p\\d+ pause"));
            service.stop(parent);
        }
    }

    @Tag("slow")
    @Test
    void aStartScriptThatExecsIsFine() throws Exception {
        try (Service service = new Service.Start()
                .option("child", "/bin/sh\n-c\nexec \"$@\"\nsh\nOWN")
                .go()) {
            service.upgrade(1);
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Test
    void aChildKilledAfterItsTakeoverGivesTheServiceBack() throws Exception {
        try (Service service = new Service.Start()
                .option("readyAfter", 600_000)
                .option("drain", directory.resolve("never"))
                .go()) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            service.await("g1 p\\d+ drain");
            service.kill(service.awaitPid(2, "resume"), Service.SIGKILL);
            service.await("rolledBack CHILD_EXITED status OptionalInt.137.");
            service.await("g1 p\\d+ resume", 2);
            Files.createFile(directory.resolve("never"));
            service.upgrade(1);
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Tag("slow")
    @Test
    void aParentKilledBeforeTheTakeoverIsNotMissed() throws Exception {
        Path pid = directory.resolve("app.pid");
        try (Service service = new Service.Start()
                .option("hold2", directory.resolve("go"))
                .option("pid", pid)
                .go()) {
            service.hangUp(service.awaitPid(1, "ready$"));
            service.awaitPid(2, "waits for hold2");
            service.kill(service.pid(), Service.SIGKILL);
            service.awaitPid(2, "parentExited");
            Files.createFile(directory.resolve("go"));
            long child = service.awaitPid(2, "ready$");
            service.await("parent " + service.pid() + " has gone");
            assertEquals(Long.toString(child), Files.readString(pid));
            service.upgrade(2);
            service.stop(service.awaitPid(3, "ready$"));
            assertFalse(Files.exists(pid));
        }
    }

    @Test
    void aParentKilledAfterTheTakeoverIsNotMissed() throws Exception {
        Path pid = directory.resolve("app.pid");
        try (Service service = new Service.Start()
                .option("readyAfter", 600_000)
                .option("drain", directory.resolve("go"))
                .option("pid", pid)
                .go()) {
            service.hangUp(service.awaitPid(1, "ready$"));
            service.await("g1 p\\d+ drain");
            service.kill(service.pid(), Service.SIGKILL);
            long child = service.awaitPid(2, "ready$");
            service.await("parent " + service.pid() + " has gone before it handed over");
            assertEquals(Long.toString(child), Files.readString(pid));
            assertTrue(service.has("g2 p\\d+ resume"));
            Files.createFile(directory.resolve("go"));
            service.upgrade(2);
            service.stop(service.awaitPid(3, "ready$"));
        }
    }
}
