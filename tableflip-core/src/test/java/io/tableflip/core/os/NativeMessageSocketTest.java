package io.tableflip.core.os;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.MessageSocket.Received;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real sockets, both ends in this process. */
class NativeMessageSocketTest {
    private static final byte[] WORD = "word".getBytes(US_ASCII);
    private static final int[] NONE = {};

    private final NativeOs os = new NativeOs();
    private final ProcFs proc = new ProcFs();
    private final List<Integer> toClose = new ArrayList<>();
    private final Os.SocketPair pair;
    private final MessageSocket one;
    private final MessageSocket other;
    private boolean oneIsClosed;

    NativeMessageSocketTest() throws SystemCallException {
        pair = os.socketPair();
        one = os.messageSocket(pair.ours());
        other = os.messageSocket(pair.childs());
    }

    @AfterEach
    void closeAll() throws SystemCallException {
        closeOne();
        other.close();
        for (int fd : toClose) {
            os.close(fd);
        }
    }

    private void closeOne() {
        if (!oneIsClosed) {
            oneIsClosed = true;
            one.close();
        }
    }

    /** The read ends of new pipes. */
    private int[] pipes(int count) throws SystemCallException {
        int[] fds = new int[count];
        for (int i = 0; i < count; i++) {
            Os.Pipe pipe = os.pipe();
            fds[i] = pipe.readEnd();
            toClose.add(pipe.readEnd());
            toClose.add(pipe.writeEnd());
        }
        return fds;
    }

    private Received received() throws SystemCallException {
        Received received = requireNonNull(other.receive());
        Arrays.stream(received.fds()).forEach(toClose::add);
        return received;
    }

    private List<String> described(int[] fds) {
        return IntStream.of(fds)
                .mapToObj(fd -> proc.describe(fd).orElse("closed"))
                .toList();
    }

    @Test
    void theInodeIsThatOfTheChildsEnd() {
        assertEquals(
                "socket:[" + pair.inode() + "]", proc.describe(pair.childs()).orElseThrow());
        assertFalse(proc.isPassed(pair.ours()));
        assertFalse(proc.isPassed(pair.childs()));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 252, MessageSocket.MAX_DESCRIPTORS})
    void aMessageArrivesWithItsDescriptors(int count) throws Exception {
        int[] sent = pipes(count);
        assertTrue(one.send(WORD, sent));
        Received received = received();
        assertArrayEquals(WORD, received.bytes());
        assertEquals(described(sent), described(received.fds()));
        assertFalse(received.isCut());
        for (int fd : received.fds()) {
            assertFalse(proc.isPassed(fd), "it is close-on-exec");
        }
    }

    @Test
    void whatCameWithAMessageDoesNotComeWithTheNext() throws Exception {
        one.send(WORD, pipes(3));
        one.send(new byte[] {1}, NONE);
        one.send(WORD, pipes(1));
        assertEquals(3, received().fds().length);
        Received second = received();
        assertArrayEquals(new byte[] {1}, second.bytes());
        assertEquals(0, second.fds().length);
        assertEquals(1, received().fds().length);
    }

    @Test
    void theLongestMessageArrivesWhole() throws Exception {
        byte[] longest = new byte[MessageSocket.MAX_BYTES];
        new Random(1).nextBytes(longest);
        assertTrue(one.send(longest, pipes(MessageSocket.MAX_DESCRIPTORS)));
        Received received = received();
        assertArrayEquals(longest, received.bytes());
        assertEquals(MessageSocket.MAX_DESCRIPTORS, received.fds().length);
        assertThrows(IllegalArgumentException.class, () -> one.send(new byte[MessageSocket.MAX_BYTES + 1], NONE));
        assertThrows(IllegalArgumentException.class, () -> one.send(new byte[0], NONE));
        assertThrows(IllegalArgumentException.class, () -> one.send(WORD, new int[MessageSocket.MAX_DESCRIPTORS + 1]));
    }

    @Test
    void whatDoesNotFitIsNotSent() throws Exception {
        int[] pipe = pipes(1);
        int sent = 0;
        while (one.send(WORD, pipe)) {
            sent++;
        }
        assertFalse(one.send(WORD, pipe));
        assertTrue(sent > 0);
        for (int i = 0; i < sent; i++) {
            assertEquals(1, received().fds().length);
        }
        assertTrue(one.send(new byte[] {7}, pipe));
        assertArrayEquals(new byte[] {7}, received().bytes());
    }

    /** The kernel says ECONNRESET before what was sent first. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWasSentBeforeTheEndArrives(boolean isShutDown) throws Exception {
        assertTrue(other.send(WORD, NONE)); // is never received
        for (int i = 0; i < 5; i++) {
            assertTrue(one.send(WORD, pipes(1)));
        }
        if (isShutDown) {
            one.shutDown();
        }
        closeOne();
        for (int i = 0; i < 5; i++) {
            assertEquals(1, received().fds().length);
        }
        assertNull(other.receive());
        assertNull(other.receive());
        assertBroken(other);
    }

    private void assertBroken(MessageSocket socket) {
        SystemCallException failure = assertThrows(SystemCallException.class, () -> socket.send(WORD, NONE));
        assertEquals(Errno.EPIPE.intValue(), failure.errno());
        assertEquals("sendmsg", failure.call());
    }

    /** The receiver itself wants no more: what was sent by then is its own nevertheless. */
    @Test
    void whatWasSentBeforeTheReceiverShutsDownArrives() throws Exception {
        assertTrue(one.send(WORD, pipes(2)));
        other.shutDown();
        assertBroken(one);
        assertEquals(2, received().fds().length);
        assertNull(other.receive());
        assertNull(one.receive());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aReceiverThatWaitsIsWokenByTheEnd(boolean own) throws Exception {
        CompletableFuture<@Nullable Received> received = new CompletableFuture<>();
        Thread receiver = new Thread(
                () -> {
                    try {
                        received.complete(other.receive());
                    } catch (SystemCallException e) {
                        received.completeExceptionally(e);
                    }
                },
                "receives");
        receiver.setDaemon(true);
        receiver.start();
        Await.until("it waits", () -> isSleeping("receives"));
        (own ? other : one).shutDown();
        assertNull(Await.get(received));
        receiver.join();
    }

    /** Whether the kernel has a thread of that name, and it waits. */
    private static boolean isSleeping(String name) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            for (Path task : (Iterable<Path>) tasks::iterator) {
                if (stat(task).contains("(" + name + ") S")) {
                    return true;
                }
            }
        }
        return false;
    }

    private static String stat(Path task) {
        try {
            return Files.readString(task.resolve("stat"));
        } catch (IOException e) {
            return ""; // has ended
        }
    }

    /** What has no room is lost, and that is told. */
    @Test
    void aReceiverWithoutRoomIsTold() throws Exception {
        int[] sent = new int[100];
        Arrays.fill(sent, pipes(1)[0]);
        String before = limit();
        assertTrue(one.send(WORD, sent));
        assertTrue(one.send(WORD, pipes(1)));
        prlimit("--nofile=" + numberBehindFree(50) + ":");
        Received received;
        try {
            received = requireNonNull(other.receive());
            for (int fd : received.fds()) {
                os.close(fd); // to start a process takes some
            }
        } finally {
            prlimit("--nofile=" + before + ":");
        }
        assertTrue(received.isCut());
        assertTrue(received.fds().length < sent.length, () -> Arrays.toString(received.fds()));
        assertArrayEquals(WORD, received.bytes());
        Received next = received();
        assertEquals(1, next.fds().length);
        assertFalse(next.isCut());
    }

    /** So many numbers below are free. */
    private int numberBehindFree(int count) throws IOException {
        Set<Integer> open = new HashSet<>(proc.openFds());
        int number = 0;
        for (int free = 0; free < count; number++) {
            if (!open.contains(number)) {
                free++;
            }
        }
        return number;
    }

    private static String limit() throws Exception {
        return prlimit("--output=SOFT", "--noheadings", "--nofile").strip();
    }

    private static String prlimit(String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                "prlimit", "--pid", Long.toString(ProcessHandle.current().pid())));
        command.addAll(List.of(options));
        return Commands.output(new ProcessBuilder(command));
    }
}
