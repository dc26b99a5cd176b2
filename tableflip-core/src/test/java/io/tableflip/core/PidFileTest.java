package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
        IOException failure = assertThrows(IOException.class, ours::prepare);
        assertTrue(failure.toString().contains(path + " is a directory"), failure::toString);
        assertEquals(List.of("app.pid"), files());
    }

    @Test
    void aMissingDirectoryIsNamed() {
        PidFile lost = new PidFile(directory.resolve("missing/app.pid"), 100);
        IOException failure = assertThrows(IOException.class, lost::prepare);
        assertTrue(failure.toString().contains("missing/app.pid"), failure::toString);
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
            ours.restore(200);
            assertTrue(logs.has("200"), logs::toString);
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
