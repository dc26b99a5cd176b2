package io.tableflip.core.transfer;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.DrainReport;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.MessageSocket;
import io.tableflip.core.os.NativeOs;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.transfer.ConnectionSender.Connection;
import io.tableflip.core.transfer.ConnectionSender.Result;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import jnr.constants.platform.Errno;
import jnr.posix.POSIXFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Parent and child in one process, over a real channel: what is a connection for them is a pipe here. */
@Timeout(120)
class TransferTest {
    private static final int WINDOW = 64;
    private static final int FIRST_WINDOW = 4;
    private static final int WEB = 3;

    /** Runs a step soon. */
    private static void soon(Duration delay, Runnable step) {
        CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS).execute(step);
    }

    @TempDir
    Path directory;

    private final NativeOs os = new NativeOs();
    private final ProcFs proc = new ProcFs();
    private final Logs logs = new Logs();
    private final Taker web = new Taker();
    private OutgoingTransfer parent;
    private IncomingTransfer child;
    private MessageSocket parentsEnd;
    private Set<Integer> openBefore;

    @BeforeEach
    void pair() throws IOException {
        os.rehearse();
        openBefore = new HashSet<>(proc.openFds());
        pair(new DescriptorRoom(proc));
    }

    private void pair(DescriptorRoom room) throws IOException {
        Os.SocketPair pair = os.socketPair();
        parentsEnd = os.messageSocket(pair.ours());
        parent = new OutgoingTransfer(parentsEnd);
        child = new IncomingTransfer(pair.childs(), room, TransferTest::soon);
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        parent.end();
        child.stop();
        child.begin(os, Map.of());
        Await.get(child.ended());
        logs.close();
        web.closeAll();
        Await.until(
                "no descriptor is left",
                () -> sockets().isEmpty(),
                () -> sockets().toString());
        Await.until(
                "no thread is left",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().equals("tableflip-transfer")));
    }

    /** The sockets and pipes that were not open at the beginning. */
    private List<String> sockets() {
        List<String> left = new ArrayList<>();
        try {
            for (int fd : proc.openFds()) {
                String what = proc.describe(fd).orElse("");
                if (!openBefore.contains(fd) && (what.startsWith("socket:") || what.startsWith("pipe:"))) {
                    left.add(fd + " " + what);
                }
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return left;
    }

    private void begin() {
        parent.begin();
        child.begin(os, Map.of(WEB, web));
    }

    /** Notes what it gets. */
    private class Taker implements TransferParticipant {
        final ConcurrentLinkedQueue<Integer> records = new ConcurrentLinkedQueue<>();
        final List<Integer> fds = new CopyOnWriteArrayList<>();
        final List<CompletableFuture<Void>> reading = new CopyOnWriteArrayList<>();
        volatile boolean transfers = true;
        volatile boolean readsAtOnce = true;

        @Override
        public boolean transfers() {
            return transfers;
        }

        @Override
        public CompletionStage<?> adopt(int fd, byte[] record) {
            assertFalse(proc.isPassed(fd), "it is close-on-exec");
            fds.add(fd);
            records.add(ByteBuffer.wrap(record).getInt());
            CompletableFuture<Void> reads = new CompletableFuture<>();
            if (readsAtOnce) {
                closeAll();
                reads.complete(null);
            }
            reading.add(reads);
            return reads;
        }

        synchronized void closeAll() {
            for (int fd : List.copyOf(fds)) {
                if (fds.remove((Integer) fd)) {
                    close(fd);
                }
            }
        }

        @Override
        public CompletionStage<DrainReport> drainOthers(Duration timeout) {
            throw new AssertionError();
        }

        @Override
        public CompletionStage<DrainReport> transfer(Duration timeout, ConnectionSender sender) {
            throw new AssertionError();
        }
    }

    private void close(int fd) {
        try {
            os.close(fd);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** A connection with a number; the parent's descriptor is closed by whoever sends it. */
    private Connection connection(int number) throws IOException {
        Os.Pipe pipe = os.pipe();
        os.close(pipe.writeEnd());
        return new Connection(
                pipe.readEnd(),
                ByteBuffer.allocate(4 + number % 50).putInt(number).array());
    }

    private void awaitCredit(ConnectionSender sender) {
        Await.until("credit", () -> {
            boolean taken = sender.take();
            if (taken) {
                sender.giveBack();
            }
            return taken;
        });
    }

    private Result send(ConnectionSender sender, int number) throws IOException {
        Connection connection = connection(number);
        Result result = sender.send(List.of(connection));
        os.close(connection.fd());
        return result;
    }

    /** Takes credit and sends. */
    private Result sendNext(ConnectionSender sender, int number) throws IOException {
        Await.until("credit", () -> sender.isRefused() || sender.take());
        Result result = send(sender, number);
        while (result == Result.FULL) {
            Thread.onSpinWait();
            result = send(sender, number);
        }
        return result;
    }

    private int takeAll(ConnectionSender sender) {
        int count = 0;
        while (sender.take()) {
            count++;
        }
        return count;
    }

    private List<Integer> upTo(int count) {
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            numbers.add(i);
        }
        return numbers;
    }

    // ---- credit

    @Test
    void noMoreThanTheWindowIsOnItsWay() throws Exception {
        web.readsAtOnce = false;
        begin();
        ConnectionSender sender = parent.sender(WEB);
        int sent = 0;
        int most = 0;
        for (int round = 0; round < 8; round++) {
            awaitCredit(sender);
            int before = sent;
            while (sender.take()) {
                assertEquals(Result.SENT, send(sender, sent++));
            }
            int all = sent;
            Await.until("all have come", () -> web.records.size() == all);
            most = Math.max(most, sent - before); // another grant may be on its way
            web.reading.forEach(reads -> reads.complete(null));
        }
        assertTrue(most <= WINDOW && most > WINDOW / 2, "on their way: " + most);
    }

    @Test
    void creditThatIsGivenBackIsThereForAnotherListener() throws Exception {
        begin();
        ConnectionSender sender = parent.sender(WEB);
        awaitCredit(sender);
        assertEquals(FIRST_WINDOW, takeAll(sender));
        ConnectionSender other = parent.sender(WEB + 1);
        AtomicInteger called = new AtomicInteger();
        other.onCredit(called::incrementAndGet);
        assertFalse(other.take());
        sender.giveBack();
        assertEquals(1, called.get());
        assertTrue(other.take());
    }

    @Test
    void twoThousandConnectionsArriveEachOnce() throws Exception {
        int count = 2000;
        begin();
        ConnectionSender sender = parent.sender(WEB);
        for (int sent = 0; sent < count; ) {
            Await.until("credit", sender::take);
            List<Connection> batch = new ArrayList<>();
            batch.add(connection(sent++));
            while (sent < count && batch.size() < 10 && sender.take()) {
                batch.add(connection(sent++));
            }
            Await.until("room", () -> sender.send(batch) == Result.SENT);
            for (Connection connection : batch) {
                os.close(connection.fd());
            }
        }
        parent.end();
        Await.get(child.ended());
        assertEquals(upTo(count), List.copyOf(web.records));
        assertTrue(logs.has("2000 connections came from the parent"), logs::toString);
    }

    @Test
    void oneCallbackThatThrowsDoesNotKeepTheOthersFromBeingCalled() throws Exception {
        CompletableFuture<Void> told = new CompletableFuture<>();
        ConnectionSender sender = parent.sender(WEB);
        sender.onCredit(() -> {
            throw new IllegalStateException("on purpose");
        });
        sender.onCredit(() -> told.complete(null));
        begin();
        Await.get(told);
        assertEquals(Result.SENT, sendNext(sender, 0));
        Await.until("it has come", () -> web.records.size() == 1);
    }

    // ---- a child without room

    @Test
    void aChildWithoutRoomGrantsNothingUntilThereIsSome() throws Exception {
        FakeProc fake = new FakeProc(directory);
        limit(fake, 100);
        for (int i = 0; i < 36; i++) {
            fake.write("self/fd/" + i, "");
        }
        again(new DescriptorRoom(fake.fs));
        begin();
        ConnectionSender sender = parent.sender(WEB);
        waitForRetries();
        assertFalse(sender.take());
        for (int i = 0; i < 3; i++) {
            Files.delete(directory.resolve("self/fd/" + i));
        }
        awaitCredit(sender);
        assertEquals(3, takeAll(sender));
    }

    /** The very list of descriptors needs one. */
    @Test
    void aChildThatCannotCountItsDescriptorsTriesAgain() throws Exception {
        FakeProc fake = new FakeProc(directory);
        limit(fake, 1000);
        Path fds = directory.resolve("self/fd");
        Files.delete(fds);
        again(new DescriptorRoom(fake.fs));
        begin();
        ConnectionSender sender = parent.sender(WEB);
        waitForRetries();
        assertFalse(sender.take());
        Files.createDirectory(fds);
        awaitCredit(sender);
        assertEquals(FIRST_WINDOW, takeAll(sender));
    }

    private static void limit(FakeProc proc, int limit) throws IOException {
        proc.write(
                "self/limits",
                "Limit                     Soft Limit           Hard Limit           Units     \n"
                        + "Max open files            " + limit + "                 " + limit
                        + "                 files     \n");
    }

    /** In place of the pair of the beginning. */
    private void again(DescriptorRoom room) throws Exception {
        parent.end();
        child.begin(os, Map.of());
        Await.get(child.ended());
        pair(room);
    }

    /** Until the child has looked a few times. */
    private static void waitForRetries() throws Exception {
        CompletableFuture<Void> later = new CompletableFuture<>();
        soon(Duration.ZERO, () -> soon(Duration.ZERO, () -> later.complete(null)));
        Await.get(later);
    }

    /** It may want a lock that another thread has, which wants to send. */
    @Test
    void whoIsCalledBackWhenSendingHasFailedHasNoLock() throws Exception {
        FakeOs fake = new FakeOs();
        fake.openedSocket(7);
        OutgoingTransfer from = new OutgoingTransfer(fake.messageSocket(7));
        ConnectionSender sender = from.sender(WEB);
        List<Boolean> locked = new CopyOnWriteArrayList<>();
        sender.onCredit(() -> locked.add(Thread.holdsLock(from)));
        fake.fail("sendmsg", 0, Errno.EMSGSIZE);
        assertEquals(Result.REFUSED, sender.send(List.of(new Connection(fake.opened(8), new byte[0]))));
        assertEquals(List.of(false), locked);
        assertFalse(fake.open().contains(7));
    }

    // ---- what is refused

    @Test
    void aListenerThatIsClosedInTheChildIsRefusedBeforeThereIsCredit() throws Exception {
        web.transfers = false;
        Taker open = new Taker();
        parent.begin();
        child.begin(os, Map.of(WEB, web, WEB + 1, open));
        ConnectionSender closed = parent.sender(WEB);
        ConnectionSender other = parent.sender(WEB + 1);
        awaitCredit(other);
        assertTrue(closed.isRefused());
        assertEquals(Result.REFUSED, send(closed, 0));
        assertFalse(other.isRefused());
        assertEquals(Result.SENT, sendNext(other, 1));
        Await.until("it has come", () -> open.records.size() == 1);
        assertEquals(0, web.records.size());
    }

    /** And the credit for it is there again. */
    @Test
    void aConnectionOfAListenerThatTheChildDoesNotHaveIsClosed() throws Exception {
        begin();
        ConnectionSender sender = parent.sender(WEB + 9);
        for (int i = 0; i < 3 * WINDOW; i++) {
            assertEquals(Result.SENT, sendNext(sender, i));
        }
        Await.until("closed", () -> logs.has("a listener that this process does not have"));
        assertEquals(Result.SENT, sendNext(parent.sender(WEB), 1));
        Await.until("it has come", () -> web.records.size() == 1);
    }

    @Test
    void aParticipantThatThrowsCostsItsConnectionAndNothingElse() throws Exception {
        Taker failing = new Taker() {
            @Override
            public CompletionStage<?> adopt(int fd, byte[] record) {
                super.adopt(fd, record);
                throw new IllegalStateException("on purpose");
            }
        };
        parent.begin();
        child.begin(os, Map.of(WEB, web, WEB + 1, failing));
        for (int i = 0; i < 3 * WINDOW; i++) {
            assertEquals(Result.SENT, sendNext(parent.sender(WEB + 1), i));
        }
        assertEquals(Result.SENT, sendNext(parent.sender(WEB), 7));
        Await.until("it has come", () -> web.records.size() == 1);
        assertTrue(logs.has("a connection of the parent is lost"), logs::toString);
    }

    // ---- messages that make no sense

    private void sendRaw(byte[] message, int descriptors) throws IOException {
        int[] fds = new int[descriptors];
        for (int i = 0; i < descriptors; i++) {
            fds[i] = connection(i).fd();
        }
        Await.until("sent", () -> parentsEnd.send(message, fds));
        for (int fd : fds) {
            os.close(fd);
        }
    }

    private void endsTheTransfer(byte[] message, int descriptors, int adopted) throws Exception {
        begin();
        ConnectionSender sender = parent.sender(WEB);
        awaitCredit(sender);
        sendRaw(message, descriptors);
        Await.get(child.ended());
        Await.until("the parent knows", sender::isRefused);
        assertEquals(Result.REFUSED, send(sender, 1));
        assertEquals(adopted, web.records.size());
    }

    @Test
    void aRecordThatIsLongerThanItsMessageEndsTheTransfer() throws Exception {
        endsTheTransfer(
                ByteBuffer.allocate(13).put((byte) 'C').putInt(WEB).putInt(1000).array(), 2, 0);
    }

    @Test
    void aNegativeLengthEndsTheTransfer() throws Exception {
        endsTheTransfer(
                ByteBuffer.allocate(13).put((byte) 'C').putInt(WEB).putInt(-1).array(), 1, 0);
    }

    @Test
    void moreDescriptorsThanRecordsEndTheTransfer() throws Exception {
        endsTheTransfer(
                ByteBuffer.allocate(13).put((byte) 'C').putInt(WEB).putInt(4).array(), 2, 0);
    }

    @Test
    void aMessageThatIsTooShortEndsTheTransfer() throws Exception {
        endsTheTransfer("C".getBytes(US_ASCII), 1, 0);
        assertTrue(logs.has("no more connections are taken from the parent"), logs::toString);
    }

    @Test
    void whatIsUnknownIsSkippedOnBothSides() throws Exception {
        Os.SocketPair pair = os.socketPair();
        MessageSocket childs = os.messageSocket(pair.childs());
        OutgoingTransfer alone = new OutgoingTransfer(os.messageSocket(pair.ours()));
        alone.begin();
        for (String unknown : List.of("x", "G", "N", "later than this version")) {
            childs.send(unknown.getBytes(US_ASCII), new int[0]);
        }
        childs.send(TransferMessage.number(TransferMessage.GRANT, -5), new int[0]);
        childs.send(TransferMessage.number(TransferMessage.GRANT, 2), new int[0]);
        awaitCredit(alone.sender(0));
        assertEquals(2, takeAll(alone.sender(0)));
        alone.end();
        childs.close();

        begin();
        sendRaw("later".getBytes(US_ASCII), 3);
        assertEquals(Result.SENT, sendNext(parent.sender(WEB), 1));
        Await.until("it has come", () -> web.records.size() == 1);
    }

    /** The kernel had no room for some of them. */
    @Test
    void whatGotLostIsNotWaitedFor() throws Exception {
        begin();
        ConnectionSender sender = parent.sender(WEB);
        for (int round = 0; round < 3; round++) {
            awaitCredit(sender);
            List<Connection> lost = new ArrayList<>();
            while (sender.take()) {
                lost.add(new Connection(-1, new byte[4]));
            }
            sendRaw(TransferMessage.connections(WEB, lost), 0);
        }
        assertEquals(Result.SENT, sendNext(sender, 1));
    }

    // ---- ends

    @Test
    void whatWasSentJustBeforeTheParentEndsArrives() throws Exception {
        begin();
        ConnectionSender sender = parent.sender(WEB);
        awaitCredit(sender);
        for (int i = 0; i < 10; i++) {
            assertEquals(Result.SENT, sendNext(sender, i));
        }
        parent.end();
        parent.end();
        assertTrue(sender.isRefused());
        assertEquals(Result.REFUSED, send(sender, 11));
        Await.get(child.ended());
        assertEquals(upTo(10), List.copyOf(web.records));
    }

    /**
     * The number of connections that were sent are adopted, each once, and the sender knows of every other.
     */
    @Test
    void aChildThatStopsInTheMiddleHasAllThatWasSent() throws Exception {
        stopsInTheMiddle(() -> child.stop());
    }

    @Test
    void aParentThatEndsInTheMiddleHasSentWhatItSays() throws Exception {
        stopsInTheMiddle(() -> parent.end());
    }

    private void stopsInTheMiddle(Runnable stop) throws Exception {
        for (int round = 0; round < 20; round++) {
            begin();
            web.records.clear();
            ConnectionSender sender = parent.sender(WEB);
            awaitCredit(sender);
            Set<Integer> sent = new HashSet<>();
            CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
                try {
                    for (int i = 0; ; i++) {
                        if (sendNext(sender, i) == Result.SENT) {
                            sent.add(i);
                        } else {
                            return;
                        }
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            int before = round * 10;
            Await.until("some have come", () -> web.records.size() >= before);
            stop.run();
            Await.get(sending);
            Await.get(child.ended());
            assertEquals(sent, new HashSet<>(web.records));
            assertEquals(sent.size(), web.records.size());
            pair(new DescriptorRoom(proc));
        }
    }

    @Test
    void aChildThatStopsBeforeItBeginsTakesNothing() throws Exception {
        parent.begin();
        child.stop();
        Await.get(child.ended());
        child.begin(os, Map.of(WEB, web));
        Await.until("the parent knows", parent.sender(WEB)::isRefused);
    }

    @Test
    void aChildWithNoListenersTakesNothing() throws Exception {
        child.begin(os, Map.of());
        Await.get(child.ended());
        parent.begin();
        Await.until("the parent knows", parent.sender(WEB)::isRefused);
        child.begin(os, Map.of(WEB, web)); // no effect
        child.stop();
    }

    /** A job of a start script may have the child's end too: then it has no end of file. */
    @Test
    void theParentLearnsThatTheChildTakesNoMoreWhoeverElseHasTheChannel() throws Exception {
        Os.SocketPair pair = os.socketPair();
        int jobs = os.duplicate(pair.childs(), 100);
        OutgoingTransfer from = new OutgoingTransfer(os.messageSocket(pair.ours()));
        IncomingTransfer to = new IncomingTransfer(pair.childs(), new DescriptorRoom(proc), TransferTest::soon);
        from.begin();
        to.begin(os, Map.of(WEB, web));
        ConnectionSender sender = from.sender(WEB);
        awaitCredit(sender);
        MessageSocket raw = os.messageSocket(pair.ours());
        raw.send("C".getBytes(US_ASCII), new int[0]); // makes no sense
        Await.get(to.ended());
        Await.until("the parent knows", sender::isRefused);
        from.end();
        os.close(jobs);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theChannelIsHiddenFromOtherProcessesAsSoonAsItIsUsed(boolean prepares) throws Exception {
        Os.SocketPair pair = os.socketPair();
        int passed = POSIXFactory.getPOSIX().dup(pair.childs());
        os.close(pair.childs());
        assertTrue(proc.isPassed(passed));
        IncomingTransfer to = new IncomingTransfer(passed, new DescriptorRoom(proc), TransferTest::soon);
        if (prepares) {
            to.prepare(os);
        } else {
            to.begin(os, Map.of(WEB, web));
        }
        assertFalse(proc.isPassed(passed));
        os.close(pair.ours());
        to.begin(os, Map.of());
        Await.get(to.ended());
    }

    /** It would wait for ever for what was not sent. */
    @Test
    void aRehearsalForWhichThereIsNoRoomEnds() throws Exception {
        FakeOs fake = new FakeOs();
        MessageSocket parents = fake.openedSocket(7);
        IncomingTransfer to = new IncomingTransfer(7, new DescriptorRoom(proc), TransferTest::soon);
        fake.fail("sendmsg", 0, Errno.EAGAIN);
        Set<Integer> before = fake.open();
        Await.get(CompletableFuture.runAsync(() -> {
            try {
                to.prepare(fake);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }));
        assertTrue(fake.hasFailed());
        assertEquals(before, fake.open());
        assertEquals(List.of(), fake.mistakes());
        parents.close();
    }
}
