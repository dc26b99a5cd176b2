package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Fds;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.UnixPaths;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class DescriptorsTest {
    private static final FdName WEB = FdName.listener("tcp", ":80");
    private static final FdName SOCKET = FdName.listener("unix", "app");
    private static final FdName LOG = FdName.file("log");

    @TempDir
    Path directory;

    private final FakeOs os = new FakeOs();
    private FakeProc proc;
    private Descriptors fds;

    DescriptorsTest(@TempDir Path root) throws IOException {
        proc = new FakeProc(root);
        fds = new Descriptors(() -> os, proc.fs);
    }

    @BeforeEach
    void inherit() {
        Map<Integer, @Nullable FdName> passed = new LinkedHashMap<>();
        passed.put(os.opened(5), WEB);
        passed.put(os.opened(6), SOCKET);
        passed.put(os.opened(7), LOG);
        passed.put(os.opened(8), null);
        fds.inheritAll(passed);
    }

    @Test
    void aDescriptorIsClaimedOnce() throws Exception {
        assertEquals(List.of(WEB, SOCKET, LOG), List.copyOf(fds.inherited()));
        Fd web = fds.inherit(WEB).orElseThrow();
        assertEquals(5, web.number());
        assertEquals(Optional.empty(), fds.inherit(WEB));
        assertEquals(Set.of(WEB), fds.used());
        assertEquals(Set.of(SOCKET, LOG), fds.inherited());
        assertEquals(Optional.empty(), fds.inherit(FdName.listener("tcp", ":81")));
    }

    @Test
    void anInheritedDescriptorIsTakenUnderAnotherName() throws Exception {
        FdName other = FdName.listener("tcp", "localhost:80");
        assertEquals(Set.of(WEB), fds.inherited(fd -> fd.number() == 5));
        Reservation reservation = fds.reserve(other);
        assertEquals(Optional.empty(), reservation.inherit(FdName.listener("tcp", ":81")));
        Fd taken = reservation.inherit(WEB).orElseThrow();
        assertEquals(5, taken.number());
        assertEquals(other, taken.name());
        assertEquals(Optional.of(taken), reservation.inherited());
        assertEquals(Set.of(SOCKET, LOG), fds.inherited());
        reservation.use(taken);
        assertEquals(Set.of(other), fds.used());
        assertEquals(Set.of(6, 7), fds.unused());
        assertThrows(IllegalStateException.class, () -> reservation.inherit(SOCKET));
    }

    @Test
    void whatIsTakenAndNotAdoptedHasItsFormerNameAgain() {
        Reservation reservation = fds.reserve(FdName.listener("tcp", "localhost:80"));
        reservation.inherit(WEB);
        reservation.close();
        assertThrows(IllegalStateException.class, () -> reservation.inherit(WEB));
        assertEquals(5, fds.inherit(WEB).orElseThrow().number());
        assertEquals(Set.of(6, 7), fds.unused());
    }

    @Test
    void whatIsTakenAndNotAdoptedIsClosedIfItsFormerNameIsInUse() {
        Reservation reservation = fds.reserve(FdName.listener("tcp", "localhost:80"));
        reservation.inherit(WEB);
        fds.reserve(WEB);
        reservation.close();
        fds.closeInherited();
        assertEquals(Set.of(), os.open());
    }

    @Test
    void twoInheritedDescriptorsChangeTheirNames() {
        FdName admin = FdName.listener("tcp", "admin");
        fds.inheritAll(Map.of(os.opened(9), admin));
        Reservation reservation = fds.reserve(WEB);
        assertEquals(9, reservation.inherit(admin).orElseThrow().number());
        Fd other = fds.inherit(admin).orElseThrow();
        assertEquals(5, other.number());
        assertEquals(admin, other.name());
    }

    /** The child would not get it, and nobody would say so. */
    @Test
    void nothingIsAddedDuringAnUpgrade() throws Exception {
        Reservation before = fds.reserve(FdName.file("before"));
        FdSource source = fds.inherit(LOG).orElseThrow();
        fds.pass();
        assertRefused(() -> fds.add(FdName.file("x"), source));
        assertRefused(() -> fds.add(LOG, source));
        assertRefused(() -> fds.reserve(FdName.file("x")));
        assertRefused(() -> before.use(source));
        assertRefused(() -> fds.inherit(WEB));
        assertRefused(() -> fds.file("x", directory.resolve("x"), StandardOpenOption.CREATE));
        assertEquals(Optional.empty(), fds.inherit(FdName.file("x")));
        fds.notPassed();
        before.use(source);
        assertTrue(fds.inherit(WEB).isPresent());
        fds.passNoMore();
        assertRefused(() -> fds.add(FdName.file("x"), source));
    }

    private static void assertRefused(Executable call) {
        String why =
                String.valueOf(assertThrows(IllegalStateException.class, call).getMessage());
        assertTrue(why.contains("an upgrade is in progress") || why.contains("this process is leaving"), why);
    }

    @Test
    void whatWasNotClaimedIsClosed() throws Exception {
        fds.inherit(WEB);
        fds.closeInherited();
        assertEquals(Set.of(5), os.open());
        assertEquals(Set.of(), fds.inherited());
        assertEquals(Optional.empty(), fds.inherit(LOG));
        assertEquals(Set.of(SOCKET, LOG), fds.unclaimed());
        fds.closeInherited();
        assertEquals(List.of(), os.mistakes());
    }

    @Test
    void oneThatCannotBeClosedDoesNotKeepTheOthersOpen() {
        os.fail("close", 0, Errno.EIO);
        try (Logs logs = new Logs()) {
            fds.closeInherited();
            assertEquals(Set.of(), os.open());
            assertTrue(logs.has("errno 5"), logs::toString);
        }
    }

    @Test
    void whatWasNotClaimedIsClosedEvenIfItsPathCannotBeFound() throws Exception {
        proc.fd(6, "socket:[66]", "02");
        Files.delete(proc.root.resolve("self/net/unix"));
        try (Logs logs = new Logs()) {
            fds.closeInherited();
            assertEquals(Set.of(), os.open());
            assertTrue(logs.has("net/unix"), logs::toString);
        }
    }

    @Test
    void thePathOfAnUnclaimedUnixSocketIsRemoved() throws Exception {
        Path path = directory.resolve("app.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
        }
        proc.fd(6, "socket:[66]", "02");
        proc.unixSockets("0000000000000000: 00000002 00000000 00010000 0001 01    66 " + path);
        fds.closeInherited();
        assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void thePathOfASocketThatIsSystemdsStays() throws Exception {
        Path path = directory.resolve("app.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
        }
        proc.fd(6, "socket:[66]", "02");
        proc.unixSockets("0000000000000000: 00000002 00000000 00010000 0001 01    66 " + path);
        fds.socketPaths().keep(Set.of(66L));
        assertEquals(Set.of(66L), fds.socketPaths().kept());
        fds.closeInherited();
        assertTrue(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void addReplacesWhatWasClaimed() {
        assertThrows(IllegalStateException.class, () -> fds.add(WEB, use -> CompletableFuture.completedFuture(null)));
        fds.inherit(WEB);
        FdSource channel = use -> CompletableFuture.completedFuture(null);
        fds.add(WEB, channel);
        assertEquals(Map.of(WEB, channel), fds.sources());
        fds.remove(WEB);
        fds.remove(WEB);
        assertEquals(Set.of(), fds.used());
        assertTrue(os.open().contains(5), "what was removed stays open");
    }

    /** A FIFO without anybody at its other end, for example. */
    private final class Opening implements AutoCloseable {
        final CountDownLatch inside = new CountDownLatch(1);
        final CountDownLatch go = new CountDownLatch(1);
        final Descriptors opens = new Descriptors(this::load, proc.fs);
        final CompletableFuture<Fd> opened = CompletableFuture.supplyAsync(this::open, Threads::onOneOfItsOwn);

        private Fd open() {
            try {
                return opens.file("fifo", directory.resolve("fifo"), StandardOpenOption.READ);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private Os load() {
            inside.countDown();
            Await.latch(go);
            return os;
        }

        @Override
        public void close() {
            go.countDown();
        }
    }

    @Test
    void aFileThatCannotBeOpenedYetHoldsUpNobodyElse() throws Exception {
        try (Opening opening = new Opening()) {
            assertTrue(opening.inside.await(30, TimeUnit.SECONDS));
            CompletableFuture<Map<FdName, FdSource>> sources =
                    CompletableFuture.supplyAsync(() -> opening.opens.sources(), Threads::onOneOfItsOwn);
            assertEquals(Map.of(), Await.get(sources));
            assertThrows(
                    IllegalStateException.class,
                    () -> opening.opens.file("fifo", directory.resolve("fifo"), StandardOpenOption.READ));
            opening.go.countDown();
            Fd fifo = Await.get(opening.opened);
            assertEquals(Map.of(FdName.file("fifo"), fifo), opening.opens.sources());
        }
    }

    @Test
    void aNameIsReservedWhileItsFileIsOpened() throws Exception {
        try (Opening opening = new Opening()) {
            assertTrue(opening.inside.await(30, TimeUnit.SECONDS));
            FdName fifo = FdName.file("fifo");
            assertThrows(
                    IllegalStateException.class,
                    () -> opening.opens.add(fifo, use -> CompletableFuture.completedFuture(null)));
            opening.go.countDown();
            assertEquals(Map.of(fifo, Await.get(opening.opened)), opening.opens.sources());
        }
    }

    // ---- reservations

    @Test
    void aReservedNameIsNobodyElses() throws Exception {
        Fds.Reservation reservation = fds.reserve(WEB);
        assertEquals(WEB, reservation.inherited().orElseThrow().name());
        assertFalse(fds.inherited().contains(WEB));
        assertFalse(fds.used().contains(WEB));
        assertTrue(fds.inherit(WEB).isEmpty());
        assertThrows(IllegalStateException.class, () -> fds.reserve(WEB));
        assertThrows(IllegalStateException.class, () -> fds.add(WEB, use -> CompletableFuture.completedFuture(null)));
    }

    @Test
    void whatIsUsedUnderAReservedNameIsPassedOnUntilItEnds() {
        FdSource channel = use -> CompletableFuture.completedFuture(null);
        Fds.Reservation reservation = fds.reserve(WEB);
        reservation.inherited().orElseThrow().release();
        reservation.use(channel);
        assertEquals(Map.of(WEB, channel), fds.sources());
        assertThrows(IllegalStateException.class, () -> fds.reserve(WEB));
        reservation.close();
        reservation.close();
        assertEquals(Map.of(), fds.sources());
        assertFalse(fds.inherited().contains(WEB), "its number is somebody else's");
        assertThrows(IllegalStateException.class, () -> reservation.use(channel));
        fds.reserve(WEB).close();
    }

    @Test
    void whatNobodyHasAdoptedIsInheritedAgain() {
        fds.reserve(WEB).close();
        assertEquals(5, fds.inherit(WEB).orElseThrow().number());
    }

    @Test
    void whatNobodyHasAdoptedInTimeIsClosed() {
        Fds.Reservation reservation = fds.reserve(WEB);
        fds.closeInherited();
        assertEquals(Set.of(5), os.open());
        reservation.close();
        assertEquals(Set.of(), os.open());
        assertTrue(fds.unclaimed().contains(WEB));
    }

    /** Netty does not report the end of a channel that it could not register. */
    @Test
    void theNameOfASocketThatHasClosedUnnoticedIsFree() {
        AtomicBoolean open = new AtomicBoolean(true);
        FdSource channel = new FdSource() {
            @Override
            public CompletionStage<?> lend(IntConsumer use) {
                return CompletableFuture.completedFuture(null);
            }

            @Override
            public boolean isOpen() {
                return open.get();
            }
        };
        Fds.Reservation first = fds.reserve(FdName.listener("tcp", ":81"));
        first.use(channel);
        open.set(false);
        Fds.Reservation second = fds.reserve(FdName.listener("tcp", ":81"));
        first.close();
        assertThrows(IllegalStateException.class, () -> fds.reserve(FdName.listener("tcp", ":81")));
        second.close();
    }

    @Test
    void claimsFilesByName() {
        assertEquals(Optional.empty(), fds.file("other"));
        assertEquals(7, fds.file("log").orElseThrow().number());
        assertEquals(Map.of(), fds.files());
    }

    @Test
    void claimsAllFilesAtOnce() {
        Map<String, Fd> files = fds.files();
        assertEquals(Set.of("log"), files.keySet());
        assertEquals(Set.of(WEB, SOCKET), fds.inherited());
        assertEquals(Set.of(LOG), fds.used());
    }

    @Test
    void opensAFileOnlyIfNoneWasInherited() throws Exception {
        Path path = Path.of("/var/log/x");
        assertEquals(7, fds.file("log", path, StandardOpenOption.APPEND).number());
        assertThrows(IllegalStateException.class, () -> fds.file("log", path, StandardOpenOption.APPEND));
        assertEquals(List.of(), os.calls());
        Fd opened = fds.file("new", path, StandardOpenOption.APPEND, StandardOpenOption.CREATE);
        assertTrue(opened.isOpen());
        assertEquals(List.of("open /var/log/x 02101 0666"), os.calls());
        assertEquals(Set.of(LOG, FdName.file("new")), fds.used());
    }

    @Test
    void translatesTheOptionsOfOpen() throws Exception {
        Path path = Path.of("/x");
        fds.file("1", path);
        fds.file("2", path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
        fds.file("3", path, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
        fds.file("4", path, StandardOpenOption.READ, StandardOpenOption.APPEND, StandardOpenOption.SYNC);
        fds.file("5", path, StandardOpenOption.WRITE, StandardOpenOption.DSYNC);
        assertEquals(
                List.of(
                        "open /x 00 0666",
                        "open /x 0302 0666",
                        "open /x 01001 0666",
                        "open /x 04012002 0666",
                        "open /x 010001 0666"),
                os.calls());
    }

    @Test
    void refusesOptionsThatDoNotSurviveAnUpgrade() {
        Path path = Path.of("/x");
        assertThrows(IllegalArgumentException.class, () -> fds.file("a", path, StandardOpenOption.DELETE_ON_CLOSE));
        assertThrows(IllegalArgumentException.class, () -> fds.file("a", path, LinkOption.NOFOLLOW_LINKS));
        assertThrows(
                IllegalArgumentException.class,
                () -> fds.file("a", path, StandardOpenOption.READ, StandardOpenOption.READ));
        assertEquals(List.of(), os.calls());
        assertFalse(fds.used().contains(FdName.file("a")));
    }

    @Test
    void aFileThatCannotBeOpenedIsNotUsed() {
        os.fail("open", 0, Errno.EACCES);
        SystemCallException failure =
                assertThrows(SystemCallException.class, () -> fds.file("new", Path.of("/secret")));
        assertEquals("/secret", failure.object());
        assertEquals(Errno.EACCES.intValue(), failure.errno());
        assertFalse(fds.used().contains(FdName.file("new")));
    }

    @Test
    void findsThePathsOfUnixSocketsWhateverTheirOwnersDo() throws Exception {
        fds.inherit(SOCKET);
        proc.fd(6, "socket:[66]", "02");
        proc.unixSockets("0000000000000000: 00000002 00000000 00010000 0001 01    66 /run/app.sock");
        fds.add(FdName.listener("unix", "throws"), use -> {
            throw new IllegalStateException("on purpose");
        });
        fds.add(FdName.listener("unix", "fails"), use -> CompletableFuture.failedFuture(new IOException("on purpose")));
        fds.add(FdName.listener("unix", "hangs"), use -> new CompletableFuture<>());
        fds.add(FdName.listener("tcp", "not asked"), use -> new CompletableFuture<>());
        try (Logs logs = new Logs()) {
            SocketPaths paths = Await.get(fds.lookAtPaths(new Loop(Loop.SYSTEM_CLOCK), Duration.ofMillis(10)));
            assertEquals(List.of(new UnixPaths.SocketPath(66, "/run/app.sock")), paths.all(), logs::toString);
            assertTrue(logs.has("listener:unix:throws") && logs.has("listener:unix:fails"), logs::toString);
        }
    }

    @Test
    void marksWhatIsUsedCloseOnExec() {
        fds.inherit(WEB);
        fds.add(FdName.file("throws"), use -> {
            throw new IllegalStateException("on purpose");
        });
        List<Integer> lent = new ArrayList<>();
        fds.add(FdName.file("own"), use -> {
            lent.add(9);
            use.accept(os.opened(9));
            return CompletableFuture.completedFuture(null);
        });
        os.fail("fcntl", 0, Errno.EBADF);
        try (Logs logs = new Logs()) {
            fds.setCloseOnExec();
            assertEquals(List.of(9), lent, logs::toString);
        }
    }
}
