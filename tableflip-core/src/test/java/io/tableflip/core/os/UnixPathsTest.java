package io.tableflip.core.os;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixPathsTest {
    @TempDir
    Path directory;

    private final UnixPaths paths = new UnixPaths(new ProcFs());

    private static ServerSocketChannel bind(Path path) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path));
        return server;
    }

    /** What is bound to the path, found among the descriptors of this process. */
    private UnixPaths.SocketPath find(Path path) throws IOException {
        for (int fd = 3; fd <= new ProcFs().highestFd(); fd++) {
            Optional<UnixPaths.SocketPath> bound = paths.of(fd);
            if (bound.isPresent() && bound.get().path().equals(path.toString())) {
                return bound.get();
            }
        }
        throw new AssertionError("nothing is bound to " + path);
    }

    @Test
    void removesThePathOfASocketThatIsOpenOrClosed() throws IOException {
        Path open = directory.resolve("open.sock");
        Path closed = directory.resolve("with a space.sock");
        try (ServerSocketChannel first = bind(open)) {
            paths.unlink(find(open));
            assertFalse(Files.exists(open));
            assertTrue(first.isOpen());
            UnixPaths.SocketPath bound;
            try (ServerSocketChannel second = bind(closed)) {
                assertTrue(second.isOpen());
                bound = find(closed);
            }
            paths.unlink(bound);
            assertFalse(Files.exists(closed));
            paths.unlink(bound);
        }
    }

    @Test
    void leavesAPathThatAnotherSocketHas() throws IOException {
        Path path = directory.resolve("app.sock");
        try (ServerSocketChannel old = bind(path)) {
            UnixPaths.SocketPath bound = find(path);
            Files.delete(path);
            try (ServerSocketChannel other = bind(path);
                    Logs logs = new Logs()) {
                paths.unlink(bound);
                assertTrue(Files.exists(path));
                assertTrue(logs.has("another socket"), logs::toString);
                try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
                    assertTrue(client.isConnected());
                }
                assertTrue(other.isOpen() && old.isOpen());
            }
        }
    }

    @Test
    void anAcceptedConnectionDoesNotKeepThePath() throws IOException {
        Path path = directory.resolve("app.sock");
        try (ServerSocketChannel server = bind(path);
                SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path));
                SocketChannel accepted = server.accept()) {
            assertTrue(client.isConnected() && accepted.isConnected());
            paths.unlink(find(path));
            assertFalse(Files.exists(path));
        }
    }

    @Test
    void neverRemovesWhatIsNoSocket() throws IOException {
        Path path = directory.resolve("app.sock");
        UnixPaths.SocketPath bound;
        try (ServerSocketChannel server = bind(path)) {
            assertTrue(server.isOpen());
            bound = find(path);
        }
        Files.delete(path);
        Files.writeString(path, "precious");
        paths.unlink(bound);
        assertEquals("precious", Files.readString(path));
        Files.delete(path);
        Files.createSymbolicLink(path, Files.writeString(directory.resolve("target"), "precious"));
        paths.unlink(bound);
        assertTrue(Files.isSymbolicLink(path));
        Files.delete(path);
        Files.createDirectory(path);
        paths.unlink(bound);
        assertTrue(Files.isDirectory(path));
    }

    @Test
    void knowsNoPathOfOtherDescriptors() throws IOException {
        try (ServerSocketChannel tcp = ServerSocketChannel.open()) {
            assertTrue(tcp.isOpen());
            for (int fd = 0; fd <= new ProcFs().highestFd(); fd++) {
                paths.of(fd).ifPresent(bound -> assertTrue(bound.path().startsWith("/"), bound::toString));
            }
        }
        assertEquals(Optional.empty(), paths.of(1_000_000));
    }

    @Test
    void abstractNamesUnboundSocketsAndOddLines() throws IOException {
        FakeProc proc = new FakeProc(directory);
        proc.fd(5, "socket:[11]", "02");
        proc.fd(6, "socket:[12]", "02");
        proc.fd(7, "socket:[13]", "02");
        proc.unixSockets(
                "0000000000000000: 00000002 00000000 00010000 0001 01    11 @abstract",
                "0000000000000000: 00000003 00000000 00000000 0001 03    12",
                "0000000000000000: 00000002 00000000 00010000 0001 01    14 /tmp/with a newline",
                "in: it that is no entry at all",
                "0000000000000000: 00000002 00000000 00010000 0001 01    13 " + directory + "/x.sock");
        UnixPaths fake = new UnixPaths(proc.fs);
        assertEquals(Optional.empty(), fake.of(5));
        assertEquals(Optional.empty(), fake.of(6));
        assertEquals(Optional.of(new UnixPaths.SocketPath(13, directory + "/x.sock")), fake.of(7));
    }

    @Test
    void aForgedLineRemovesNothing() throws IOException {
        FakeProc proc = new FakeProc(directory);
        proc.fd(5, "socket:[11]", "02");
        proc.unixSockets(
                "0000000000000000: 00000002 00000000 00010000 0001 01    99 /tmp/a",
                "0000000000000000: 00000002 00000000 00010000 0001 01    11 /run/of-somebody-else.sock",
                "0000000000000000: 00000002 00000000 00010000 0001 01    11 /run/ours.sock");
        assertEquals(Optional.empty(), new UnixPaths(proc.fs).of(5));
    }

    @Test
    void aPathThatJavaCannotExpressIsLogged() {
        try (Logs logs = new Logs()) {
            paths.unlink(new UnixPaths.SocketPath(1, directory + "/\uDCFF.sock"));
            assertTrue(logs.has("cannot be removed"), logs::toString);
        }
    }
}
