package io.tableflip.core.os;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcFsTest {
    @TempDir
    Path root;

    @Test
    void tellsTheEndsOfAPipe() throws IOException {
        FakeProc proc = new FakeProc(root);
        proc.fd(3, "pipe:[101]", "0100001");
        proc.fd(4, "pipe:[102]", "0104000");
        proc.fd(5, "socket:[103]", "0100002");
        proc.fd(6, "pipe:[104]", "0100002");
        assertEquals(Optional.of(101L), proc.fs.writablePipe(3));
        assertEquals(Optional.empty(), proc.fs.readablePipe(3));
        assertEquals(Optional.of(102L), proc.fs.readablePipe(4));
        assertEquals(Optional.empty(), proc.fs.writablePipe(4));
        assertEquals(Optional.empty(), proc.fs.readablePipe(5));
        assertEquals(Optional.of(103L), proc.fs.inode(5, "socket"));
        assertEquals(Optional.empty(), proc.fs.readablePipe(6), "opened for both");
        assertEquals(Optional.empty(), proc.fs.describe(7));
        assertEquals(6, proc.fs.highestFd());
    }

    @Test
    void tellsTheStartOfAProcess() throws IOException {
        FakeProc proc = new FakeProc(root);
        proc.process(42, "evil) Z 1 (name", 'S', 987);
        proc.process(43, "zombie", 'Z', 988);
        assertEquals(Optional.of(987L), proc.fs.startTime(42));
        assertEquals(Optional.empty(), proc.fs.startTime(43));
        assertEquals(Optional.empty(), proc.fs.startTime(44));
        proc.process(45, "its first thread has ended", 'Z', 3, 989);
        assertEquals(Optional.of(989L), proc.fs.startTime(45));
        assertEquals(77, proc.fs.parentPid());
    }

    @Test
    void theExecutableMayHaveBeenReplaced() throws IOException {
        FakeProc proc = new FakeProc(root);
        Files.createSymbolicLink(root.resolve("self/exe"), Path.of("/opt/jdk/bin/java (deleted)"));
        assertEquals(Path.of("/opt/jdk/bin/java"), proc.fs.executable());
    }

    @Test
    void theRealOneSaysTheSameAsTheJdk() throws IOException {
        ProcFs proc = new ProcFs();
        ProcessHandle self = ProcessHandle.current();
        assertEquals(self.parent().orElseThrow().pid(), proc.parentPid());
        assertTrue(proc.startTime(self.pid()).isPresent());
        assertTrue(proc.highestFd() > 2);
        assertTrue(Files.isSameFile(Path.of(""), proc.workingDirectory()));
        assertTrue(Files.isExecutable(proc.executable()));
    }
}
