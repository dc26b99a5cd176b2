package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.State;
import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.RequestFile;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The PID file, the status file and the request file while a process serves: others write and remove there
 * too.
 */
class FileWatchTest {
    private static final String OURS = Long.toString(ProcessHandle.current().pid());

    private final ParentFixture parent;
    private final Path pidFile;
    private final Path statusFile;

    FileWatchTest(@TempDir Path directory) throws IOException {
        parent = new ParentFixture(directory);
        pidFile = parent.pidFile;
        statusFile = StatusFile.of(pidFile);
    }

    @AfterEach
    void close() {
        parent.close();
    }

    private String named() {
        try {
            return Files.exists(pidFile) ? Files.readString(pidFile) : "";
        } catch (IOException e) {
            return "";
        }
    }

    /** Moves the clock until this process has looked and acted. */
    private void awaitNamed(String pid) throws Exception {
        Await.until(pid + " in the PID file\n" + parent.logs, () -> {
            parent.advance(FileWatch.LOOK);
            return named().equals(pid);
        });
    }

    private void awaitLog(String text) throws Exception {
        Await.until(text + " in\n" + parent.logs, () -> {
            parent.advance(FileWatch.LOOK);
            return parent.logs.has(text);
        });
    }

    @Test
    void aPidFileThatWasRemovedIsWrittenAgain() throws Exception {
        parent.serve();
        Files.delete(pidFile);
        awaitNamed(OURS);
        awaitLog("PID file " + pidFile + " is missing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "no number", "2147483647"})
    void aPidFileThatNamesNoServiceIsWrittenAgain(String content) throws Exception {
        parent.serve();
        Files.writeString(pidFile, content);
        awaitNamed(OURS);
        awaitLog("names \"" + content + "\"");
    }

    /** By System.exit of a program that does not stop its upgrader. */
    @Test
    void aPidFileIsNotWrittenWhileTheJvmEnds() throws Exception {
        parent.serve();
        parent.life.shutdown().jvmEnds();
        for (int i = 0; i < 3; i++) {
            parent.advance(FileWatch.LOOK);
            parent.settle();
        }
        assertEquals("", named());
    }

    @Test
    void aPidFileIsNotWrittenWhileAChildMayCommit() throws Exception {
        parent.serve();
        parent.life.upgrade();
        FakeOs.FakeChild child = parent.child();
        child.takeover();
        parent.await(State.DRAINING);
        String childs = Integer.toString(child.pid);
        Files.writeString(pidFile, childs);
        for (int i = 0; i < 3; i++) {
            parent.advance(FileWatch.LOOK);
            parent.settle();
        }
        assertEquals(childs, named());
        child.exit(1); // here, and not while the directory is being removed
        awaitNamed(OURS);
    }

    /** A process of the machine that lives as long as the test: the one that has started this one. */
    private static long living() {
        return ProcessHandle.current().parent().orElseThrow().pid();
    }

    private void writeAnothers() throws IOException {
        long other = living();
        ServiceStatus status = new ServiceStatus(
                other,
                new ProcFs().startTime(other).orElseThrow(),
                1,
                Instant.now(),
                0,
                true,
                "serving",
                List.of("HUP"),
                0,
                List.of(),
                null);
        Files.writeString(statusFile, status.format());
        Files.writeString(pidFile, Long.toString(other));
    }

    @Test
    void aPidFileOfAnotherServiceIsLeftAlone() throws Exception {
        writeAnothers();
        String status = Files.readString(statusFile);
        parent.serve();
        assertTrue(parent.logs.has("names process " + living() + ", another service"), parent.logs::toString);
        parent.life.upgrade();
        parent.child().exit(1); // an upgrade works, and one that fails restores nothing
        parent.await(State.SERVING);
        parent.life.stop();
        parent.participant.drained();
        Await.get(parent.life.exit());
        assertEquals(Long.toString(living()), named());
        assertEquals(status, Files.readString(statusFile));
    }

    @Test
    void aPidFileThatAnotherServiceHasTakenIsLeftAlone() throws Exception {
        parent.serve();
        Await.until("a status file", () -> Files.exists(statusFile)); // it would be written over the other's
        writeAnothers();
        awaitLog("names process " + living() + ", another service");
        assertEquals(Long.toString(living()), named());
    }

    @Test
    void thePidFileOfAServiceThatHasEndedIsTakenOver() throws Exception {
        writeAnothers();
        parent.serve();
        Files.delete(statusFile);
        awaitNamed(OURS);
        Await.until("a status file", () -> Files.exists(statusFile));
    }

    /** A PID file that was left behind may name any process by now. */
    @Test
    void aNumberAloneIsNoService() throws Exception {
        Files.writeString(pidFile, Long.toString(living()));
        parent.serve();
        assertEquals(OURS, named());
    }

    @Test
    void anUpgradeIsRequestedByAFile() throws Exception {
        parent.serve();
        new RequestFile(pidFile).leave();
        Await.until("an upgrade\n" + parent.logs, () -> {
            parent.advance(FileWatch.LOOK);
            return parent.os.last() != null;
        });
        assertFalse(Files.exists(Path.of(new RequestFile(pidFile).toString())));
    }
}
