package io.tableflip.core.os;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.SystemCallException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What becomes of the exceptions of java.nio. */
class ErrorsTest {
    static List<Arguments> failures() {
        return Stream.of(
                        Arguments.of(new AccessDeniedException("/x"), Errno.EACCES),
                        Arguments.of(new NoSuchFileException("/x"), Errno.ENOENT),
                        Arguments.of(new FileAlreadyExistsException("/x"), Errno.EEXIST),
                        Arguments.of(new DirectoryNotEmptyException("/x"), Errno.ENOTEMPTY),
                        Arguments.of(
                                new AtomicMoveNotSupportedException("/x", "/y", "Invalid cross-device link"),
                                Errno.EXDEV),
                        Arguments.of(new FileSystemException("/x", null, "Too many open files"), Errno.EMFILE),
                        Arguments.of(
                                new FileSystemException("/x", null, "Too many open files in system"), Errno.ENFILE),
                        Arguments.of(new FileSystemException("/x", null, "Operation not permitted"), Errno.EPERM),
                        Arguments.of(
                                new FileSystemException(
                                        "/x",
                                        null,
                                        "Too many levels of symbolic links or unable to access attributes of symbolic link"),
                                Errno.ELOOP),
                        Arguments.of(new IOException("No space left on device"), Errno.ENOSPC),
                        Arguments.of(new IOException("Disk quota exceeded"), Errno.EDQUOT))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("failures")
    void theNumberIsFoundAgain(IOException failure, Errno errno) {
        SystemCallException typed = Errors.failure("open", failure, Path.of("/x"));
        assertEquals(errno.intValue(), typed.errno());
        assertEquals("open", typed.call());
        assertEquals("/x", typed.object());
        assertEquals("open /x: " + errno.description() + " (errno " + errno.intValue() + ")", typed.getMessage());
        assertSame(failure, typed.getCause());
    }

    @Test
    void theWordsOfAnotherLanguageAreKept() {
        IOException failure =
                new FileSystemException("/x", null, "Auf dem Gerät ist kein Speicherplatz mehr verfügbar");
        SystemCallException typed = Errors.failure("write", failure, "/x");
        assertEquals(0, typed.errno());
        assertTrue(typed.toString().contains("kein Speicherplatz"), typed::toString);
        assertEquals(0, Errors.failure("write", new IOException(), "/x").errno());
    }

    /** What this JDK and this C library really say. */
    @Test
    void realOnes(@TempDir Path directory) throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        Path loop = Files.createSymbolicLink(directory.resolve("loop"), directory.resolve("loop"));
        assertEquals(Errno.ENOTDIR.intValue(), errno(() -> Files.createFile(file.resolve("x"))));
        assertEquals(Errno.ELOOP.intValue(), errno(() -> Files.newByteChannel(loop)));
        assertEquals(Errno.EISDIR.intValue(), errno(() -> Files.newByteChannel(directory, StandardOpenOption.WRITE)));
        try (FileChannel full = FileChannel.open(Path.of("/dev/full"), StandardOpenOption.WRITE)) {
            assertEquals(Errno.ENOSPC.intValue(), errno(() -> full.write(ByteBuffer.allocate(1))));
        }
    }

    private interface Step {
        Object run() throws IOException;
    }

    private static int errno(Step step) {
        return Errors.failure("call", assertThrows(IOException.class, step::run), "")
                .errno();
    }
}
