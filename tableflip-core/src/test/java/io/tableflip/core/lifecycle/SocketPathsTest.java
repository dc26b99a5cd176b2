package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.FdName;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeProc;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A path is removed by the last process that serves its socket, and is watched until then. */
class SocketPathsTest {
    private static final FdName SOCKET = FdName.listener("unix", "app");

    private final List<ServerSocketChannel> open = new ArrayList<>();
    private final Path path;
    private final FakeProc proc;
    private final FakeOs os = new FakeOs();

    SocketPathsTest(@TempDir Path directory) throws IOException {
        path = directory.resolve("app.sock");
        proc = new FakeProc(directory.resolve("proc"));
        proc.fd(6, "socket:[66]", "02");
        proc.unixSockets("0000000000000000: 00000002 00000000 00010000 0001 01    66 " + path);
        bind();
    }

    private void bind() throws IOException {
        ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        open.add(socket);
        socket.bind(UnixDomainSocketAddress.of(path));
    }

    @AfterEach
    void close() throws IOException {
        for (ServerSocketChannel socket : open) {
            socket.close();
        }
    }

    private Descriptors descriptors() {
        return new Descriptors(() -> os, proc.fs);
    }

    private static Reservation use(Descriptors fds) {
        Reservation reservation = fds.reserve(SOCKET);
        reservation.use(use -> {
            use.accept(6);
            return CompletableFuture.completedFuture(null);
        });
        return reservation;
    }

    private boolean isThere() {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
    }

    // ---- removed by the last owner

    @Test
    void aCloseRemovesThePath() {
        use(descriptors()).close();
        assertFalse(isThere());
    }

    @Test
    void duringAnUpgradeTheChildMayServeIt() {
        Descriptors fds = descriptors();
        Reservation reservation = use(fds);
        fds.pass();
        reservation.close();
        assertTrue(isThere());
        fds.notPassed();
        assertFalse(isThere(), "the upgrade has failed, and nobody has it");
    }

    @Test
    void afterTheCommitTheChildServesIt() {
        Descriptors fds = descriptors();
        Reservation reservation = use(fds);
        fds.pass();
        fds.passNoMore();
        reservation.close();
        assertTrue(isThere());
    }

    @Test
    void whatWasInheritedIsTheParentsUntilThisProcessServes() {
        Descriptors fds = descriptors();
        fds.inheritAll(Map.of(6, SOCKET));
        use(fds).close();
        assertTrue(isThere());
        fds.socketPaths().unlinkAll(true);
        assertTrue(isThere(), "the parent goes on");
        fds.socketPaths().serving();
        fds.closeInherited();
        assertFalse(isThere(), "the parent has closed it, and so has this process");
    }

    @Test
    void aChildThatFailsRemovesWhatItHasBoundItself() {
        Descriptors fds = descriptors();
        Reservation reservation = use(fds);
        fds.passNoMore();
        reservation.close();
        fds.socketPaths().unlinkAll(true);
        assertFalse(isThere());
    }

    @Test
    void whatIsSystemdsStays() {
        Descriptors fds = descriptors();
        fds.socketPaths().keep(Set.of(66L));
        use(fds).close();
        fds.socketPaths().unlinkAll(false);
        assertTrue(isThere());
    }

    @Test
    void thePathOfAnotherSocketStays() throws IOException {
        Descriptors fds = descriptors();
        Reservation reservation = use(fds);
        Files.delete(path);
        bind();
        proc.unixSockets(
                "0000000000000000: 00000002 00000000 00010000 0001 01    66 " + path,
                "0000000000000000: 00000002 00000000 00010000 0001 01    67 " + path);
        try (Logs logs = new Logs()) {
            reservation.close();
            assertTrue(logs.has("another socket is bound to this path"), logs::toString);
        }
        assertTrue(isThere());
    }

    // ---- watched

    @Test
    void aPathThatLeadsToItsSocketIsNoProblem() {
        Descriptors fds = descriptors();
        use(fds);
        assertEquals(List.of(), fds.socketPaths().problems());
        assertEquals(List.of(), child(fds).socketPaths().problems());
    }

    /** A child that knows what its parent has seen. */
    private Descriptors child(Descriptors parent) {
        Descriptors fds = descriptors();
        fds.socketPaths().inherit(parent.socketPaths().variable());
        fds.inheritAll(Map.of(6, SOCKET));
        use(fds);
        return fds;
    }

    @Test
    void aPathThatWasRemovedIs() throws IOException {
        Descriptors fds = descriptors();
        use(fds);
        Files.delete(path);
        String problem = SOCKET
                + ": its socket file was removed, and clients cannot connect to this service: restart it, which"
                + " binds the socket again";
        assertEquals(List.of(problem), fds.socketPaths().problems());
        assertEquals(List.of(problem), child(fds).socketPaths().problems());
        try (Logs logs = new Logs()) {
            fds.socketPaths().warn();
            fds.socketPaths().warn();
            assertEquals(1, logs.count(problem), logs::toString);
        }
    }

    @Test
    void soIsOneThatLeadsToAnotherSocket() throws IOException {
        Descriptors fds = descriptors();
        use(fds);
        Files.delete(path);
        bind();
        assertTrue(fds.socketPaths().problems().get(0).contains("was replaced"));
        assertTrue(child(fds).socketPaths().problems().get(0).contains("was replaced"));
    }

    @Test
    void orToAFile() throws IOException {
        Descriptors fds = descriptors();
        use(fds);
        Files.delete(path);
        Files.createFile(path);
        assertTrue(fds.socketPaths().problems().get(0).contains("was replaced"));
    }

    @Test
    void aSymbolicLinkToItIsNone() throws IOException {
        Descriptors fds = descriptors();
        use(fds);
        Path moved = path.resolveSibling("moved.sock");
        Files.move(path, moved);
        Files.createSymbolicLink(path, moved);
        assertEquals(List.of(), fds.socketPaths().problems());
    }

    @Test
    void onePathThatIsNotSeenHereIsNotWatched() throws IOException {
        Files.delete(path); // it is outside this mount namespace
        Descriptors fds = descriptors();
        use(fds);
        assertEquals(List.of(), fds.socketPaths().problems());
        assertEquals("", fds.socketPaths().variable());
    }

    @Test
    void garbageFromAParentIsIgnored() {
        Descriptors fds = descriptors();
        fds.socketPaths().inherit("66:x:1,,66:1,a,99999999999999999999:1:1");
        assertEquals("", fds.socketPaths().variable());
    }
}
