package io.tableflip.core.os;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.SystemCallException;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PidFileTest {
    @TempDir
    Path directory;

    private Path path = Path.of("");
    private PidFile ours = new PidFile(path, 0);

    @BeforeEach
    void create() {
        path = directory.resolve("app.pid");
        ours = new PidFile(path, 100);
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void appearsAtTheCommitOnly() throws IOException {
        ours.prepare();
        assertFalse(Files.exists(path));
        ours.commit();
        assertEquals("100", Files.readString(path));
        assertEquals(List.of("app.pid"), files());
    }

    @Test
    void everybodyMayReadIt() throws IOException {
        ours.prepare();
        ours.commit();
        // 0644 less the umask of whoever runs this test, which every other new file shows too
        Path other = Files.createFile(directory.resolve("other"));
        String expected = PosixFilePermissions.toString(Files.getPosixFilePermissions(other))
                .substring(3)
                .replace('w', '-');
        assertEquals("rw-" + expected, PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
    }

    @Test
    void replacesAnotherInOneStep() throws IOException {
        Files.writeString(path, "77\n");
        Path sameFile = Files.createLink(directory.resolve("link"), path);
        ours.prepare();
        assertEquals("77\n", Files.readString(path));
        ours.commit();
        assertEquals("100", Files.readString(path));
        assertEquals("77\n", Files.readString(sameFile), "renamed over, not written into");
    }

    @Test
    void aSecondCommitDoesNothing() throws IOException {
        ours.prepare();
        ours.commit();
        ours.commit();
        assertEquals("100", Files.readString(path));
    }

    @Test
    void aDirectoryIsRefusedBeforeAnybodyIsAskedToLeave() throws IOException {
        Files.createDirectory(path);
        assertFails(ours::prepare, "is a directory", "rename", Errno.EISDIR, path);
        assertEquals(List.of("app.pid"), files());
    }

    private interface Step {
        void run() throws IOException;
    }

    private void assertFails(Step step, String what, String call, Errno errno, Path object) {
        IOException failure = assertThrows(IOException.class, step::run);
        SystemCallException cause = assertInstanceOf(SystemCallException.class, failure.getCause());
        assertEquals(List.of(call, object.toString()), List.of(cause.call(), cause.object()));
        assertEquals(errno.intValue(), cause.errno(), cause::toString);
        assertEquals("PID file " + path + " " + what + ": " + cause.getMessage(), failure.getMessage());
        assertTrue(failure.toString().contains(errno.description() + " (errno "), failure::toString);
    }

    @Test
    void aDirectoryThatComesTooLateIsNamed() throws IOException {
        ours.prepare();
        Files.createDirectory(path);
        assertFails(ours::commit, "cannot be put in place", "rename", Errno.EISDIR, path);
        ours.remove();
        assertEquals(List.of("app.pid"), files());
    }

    @Test
    void aLinkToADirectoryIsReplaced() throws IOException {
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        Files.createSymbolicLink(path, elsewhere);
        ours.prepare();
        ours.commit();
        assertTrue(Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS));
        assertEquals(0, elsewhere.toFile().list().length);
    }

    @Test
    void aLinkToAnotherFileIsReplacedAndTheFileLeftAlone() throws IOException {
        Path victim = Files.writeString(directory.resolve("victim"), "precious");
        Files.createSymbolicLink(path, victim);
        ours.prepare();
        ours.commit();
        ours.remove();
        assertEquals("precious", Files.readString(victim));
        assertEquals(List.of("victim"), files());
    }

    @Test
    void aPreparedFileThatHasGoneIsNamed() throws IOException {
        ours.prepare();
        Files.delete(directory.resolve(".app.pid.100"));
        assertFails(ours::commit, "cannot be put in place", "rename", Errno.ENOENT, path);
    }

    @Test
    void aNameThatIsTooLongIsNamed() {
        path = directory.resolve("n".repeat(255)); // its own is just not
        assertFails(
                new PidFile(path, 100)::prepare,
                "cannot be written",
                "unlink",
                Errno.ENAMETOOLONG,
                directory.resolve("." + path.getFileName() + ".100"));
    }

    @Tag("root")
    @Test
    void aFullDiskIsNamedAndNothingLeftOnIt() throws Exception {
        try (TemporaryDisk mounted = TemporaryDisk.mount(directory, "size=4k")) {
            Path disk = mounted.path();
            Files.write(disk.resolve("all"), new byte[4096]);
            path = disk.resolve("app.pid");
            PidFile full = new PidFile(path, 100);
            assertFails(full::prepare, "cannot be written", "write", Errno.ENOSPC, disk.resolve(".app.pid.100"));
            assertEquals(List.of("all"), List.of(disk.toFile().list()));
            Files.delete(disk.resolve("all"));
            full.prepare();
            full.commit();
            assertEquals("100", Files.readString(path));
        }
    }

    @Tag("root")
    @Test
    void aReadOnlyDiskIsNamed() throws Exception {
        try (TemporaryDisk mounted = TemporaryDisk.mount(directory, "ro")) {
            Path disk = mounted.path();
            path = disk.resolve("app.pid");
            assertFails(
                    new PidFile(path, 100)::prepare,
                    "cannot be written",
                    "open",
                    Errno.EROFS,
                    disk.resolve(".app.pid.100"));
        }
    }

    /** What somebody who may write to the directory has put there. */
    @Test
    void aFullDirectoryInThePlaceOfThePreparedFileIsNamed() throws IOException {
        Path prepared = Files.createDirectory(directory.resolve(".app.pid.100"));
        Files.createFile(prepared.resolve("x"));
        try (Logs logs = new Logs()) {
            assertFails(ours::prepare, "cannot be written", "unlink", Errno.ENOTEMPTY, prepared);
            assertTrue(logs.has("cannot be removed"), logs::toString);
        }
    }

    @Test
    void aFifoInItsPlaceIsNotReadAtTheStop() throws Exception {
        Commands.run("mkfifo", path.toString());
        assertTimeoutPreemptively(Await.LIMIT, ours::remove);
        assertEquals(List.of("app.pid"), files(), "not ours");
    }

    @Test
    void aMissingDirectoryIsNamed() {
        PidFile lost = new PidFile(directory.resolve("missing/app.pid"), 100);
        path = directory.resolve("missing/app.pid");
        assertFails(
                lost::prepare, "cannot be written", "open", Errno.ENOENT, directory.resolve("missing/.app.pid.100"));
    }

    @Test
    void whatAKilledProcessPreparedIsOverwritten() throws IOException {
        ours.prepare();
        Files.writeString(directory.resolve(".app.pid.100"), "torn rubbish");
        ours.prepare();
        ours.commit();
        assertEquals("100", Files.readString(path));
    }

    @Test
    void aDanglingLinkIsReplacedAndNotFollowed() throws IOException {
        Path elsewhere = directory.resolve("elsewhere");
        Files.createSymbolicLink(path, elsewhere);
        ours.prepare();
        ours.commit();
        assertTrue(Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS));
        assertFalse(Files.exists(elsewhere));
    }

    @Test
    void aLinkInThePlaceOfThePreparedFileIsNotFollowed() throws IOException {
        Path victim = Files.writeString(directory.resolve("victim"), "precious");
        Files.createSymbolicLink(directory.resolve(".app.pid.100"), victim);
        ours.prepare();
        assertEquals("precious", Files.readString(victim));
    }

    @Test
    void restoreRemovesWhatTheChildPrepared() throws IOException {
        ours.prepare();
        ours.commit();
        new PidFile(path, 200).prepare();
        ours.restore(200);
        assertEquals("100", Files.readString(path));
        assertEquals(List.of("app.pid"), files());
    }

    @Test
    void restoreNamesUsAgainIfTheChildHadCommitted() throws IOException {
        ours.prepare();
        ours.commit();
        PidFile child = new PidFile(path, 200);
        child.prepare();
        child.commit();
        ours.restore(200);
        assertEquals("100", Files.readString(path));
        assertEquals(List.of("app.pid"), files());
    }

    @Test
    void restoreThatFailsIsLogged() throws IOException {
        Files.createDirectory(path);
        try (Logs logs = new Logs()) {
            ours.restore(-1); // there was no child yet
            assertTrue(logs.has("the PID file may name a process that has ended"), logs::toString);
            assertTrue(logs.has(path.toString()), logs::toString);
            assertFalse(logs.has("process -1"), logs::toString);
        }
    }

    @Test
    void removesOnlyWhatNamesThisProcess() throws IOException {
        Files.writeString(path, "1000");
        ours.remove();
        assertEquals("1000", Files.readString(path));
        Files.writeString(path, "100\n");
        ours.remove();
        assertEquals(List.of(), files());
        ours.remove();
    }

    /** However it writes the path. */
    @ParameterizedTest
    @ValueSource(strings = {"app.pid", "./app.pid", "link/app.pid"})
    void leavesTheFileThatALauncherFollows(String launchers) throws IOException {
        Files.createSymbolicLink(directory.resolve("link"), directory);
        ours.leaveToLauncher(Map.of("TABLEFLIP_LAUNCHER_PID_FILE", directory + "/" + launchers));
        ours.prepare();
        ours.commit();
        ours.remove();
        assertEquals("100", Files.readString(path));
        assertEquals(List.of("app.pid", "link"), files());
    }

    /** A program that a launched service starts has the variable too, and a PID file of its own. */
    @Test
    void removesAFileThatIsNotTheLaunchers() throws IOException {
        Path other = Files.writeString(directory.resolve("other.pid"), "100");
        for (String launchers : List.of(other.toString(), directory + "/missing", "/", "", "\0")) {
            ours.leaveToLauncher(Map.of("TABLEFLIP_LAUNCHER_PID_FILE", launchers));
            ours.prepare();
            ours.commit();
            ours.remove();
            assertEquals(List.of("other.pid"), files());
        }
    }

    @Test
    void removeTakesThePreparedFileToo() throws IOException {
        ours.prepare();
        ours.remove();
        assertEquals(List.of(), files());
    }

    @Test
    void aFileThatIsNoTextIsNotOurs() throws IOException {
        Files.write(path, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        ours.remove();
        assertTrue(Files.exists(path));
    }
}
