package io.tableflip.core.lifecycle;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.FdName;
import io.tableflip.core.State;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.link.Gob;
import io.tableflip.core.link.Message;
import io.tableflip.core.link.WireNames;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeOs.FakeChild;
import io.tableflip.core.os.MessageSocket;
import io.tableflip.core.transfer.ConnectionSender;
import io.tableflip.core.transfer.ConnectionSender.Connection;
import io.tableflip.core.transfer.ConnectionSender.Result;
import io.tableflip.testsupport.Await;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The parent's side of an upgrade with connections that can go to the child. */
class TransferringParentTest {
    private final ParentFixture parent;
    private final FakeOs os;
    private final Lifecycle life;
    private final Transferring web = new Transferring(Set.of(FdName.listener("tcp", ":80")));

    TransferringParentTest(@TempDir Path directory) throws Exception {
        parent = new ParentFixture(directory);
        os = parent.os;
        life = parent.life;
    }

    @BeforeEach
    void serve() throws Exception {
        life.register(web);
        parent.serve();
    }

    @AfterEach
    void close() {
        parent.close();
    }

    /** An upgrade in which the child has just taken over, and takes connections. */
    private CompletableFuture<Long> draining() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().say(new Message(Message.TAKES, "0"));
        os.child().takeover();
        parent.await(State.DRAINING);
        return upgrade;
    }

    /** As far as the commit. */
    private void commit(CompletableFuture<Long> upgrade) throws Exception {
        parent.participant.drained();
        web.otherDrained();
        os.child().await(Message.DRAINED);
        os.child().ready();
        Await.get(upgrade);
    }

    private static byte[] grant(int count) {
        return new byte[] {'G', 0, 0, 0, (byte) count};
    }

    private void assertChannelIsClosed(MessageSocket childs) throws Exception {
        assertNull(childs.receive());
        childs.close();
        assertEquals(List.of(), os.mistakes());
    }

    @Test
    void theChildIsBornWithAChannel() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = os.child();
        assertEquals(4, child.request.fds().size());
        assertEquals(
                List.of(List.of("listener", "tcp", ":80"), WireNames.TRANSFER),
                Gob.decode(new ByteArrayInputStream(child.read())));
        assertTrue(
                child.request.environment().stream()
                        .anyMatch(variable ->
                                variable.matches("TABLEFLIP_LINK=2:\\d+:\\d+:\\d+:2:5000:transfer\\.6\\.\\d+")),
                child.request.environment()::toString);
        child.exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        parent.assertNothingLeaked();
    }

    @Test
    void withoutConnectionsThatCanGoThereIsNone() throws Exception {
        web.transfers = false;
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = os.child();
        assertEquals(3, child.request.fds().size());
        child.takeover();
        parent.await(State.DRAINING);
        web.drained();
        parent.participant.drained();
        child.ready();
        Await.get(upgrade);
        web.await("resume", "pause", "drain PT30S", "release");
        Await.get(life.exit());
        assertEquals(2, os.open().size());
    }

    @Test
    void connectionsGoAfterTheCommit() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        MessageSocket childs = os.child().channel();
        web.await("resume", "pause", "drainOthers PT30S");
        assertTrue(childs.send(grant(1), new int[0]));
        commit(upgrade);
        web.await("resume", "pause", "drainOthers PT30S", "release", "transfer PT30S");
        ConnectionSender sender = web.sender();
        Await.until("credit", sender::take);
        int connection = os.opened(90);
        assertEquals(Result.SENT, sender.send(List.of(new Connection(connection, new byte[] {1}))));
        os.close(connection);
        MessageSocket.Received received = requireNonNull(childs.receive());
        assertEquals(1, received.fds().length);
        os.close(received.fds()[0]);
        parent.settle();
        assertFalse(life.exit().isDone());
        web.transferred();
        Await.get(life.exit());
        assertChannelIsClosed(childs);
        Await.until(
                "only the listener, and the write end that lives as long as this process",
                () -> os.open().size() == 2);
    }

    @Test
    void whatIsLeftOfTheDrainTimeoutIsForTheTransfer() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        parent.advance(Duration.ofSeconds(4));
        commit(upgrade);
        web.await("resume", "pause", "drainOthers PT30S", "release", "transfer PT26S");
        parent.advance(Duration.ofSeconds(26 + 5));
        Await.get(life.exit());
        assertTrue(web.sender().isRefused());
        Await.until("closed", () -> os.open().size() == 2);
    }

    @Test
    void aChildThatTakesNoneHasThemDrained() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().takeover();
        parent.await(State.DRAINING);
        web.drained();
        MessageSocket childs = os.child().channel();
        parent.participant.drained();
        os.child().ready();
        Await.get(upgrade);
        web.await("resume", "pause", "drain PT30S", "release");
        Await.get(life.exit());
        assertChannelIsClosed(childs);
    }

    @Test
    void aLevel1ChildHasThemDrained() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        MessageSocket childs = child.channel();
        child.ready();
        Await.get(upgrade);
        assertEquals(0, child.read().length, "it would not understand");
        web.drained();
        parent.participant.drained();
        web.await("resume", "pause", "release", "drain PT30S");
        Await.get(life.exit());
        assertChannelIsClosed(childs);
    }

    @Test
    void positionsThatDoNotExistAreIgnored() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().say(new Message(Message.TAKES, "1 7 -3 x 99999999999"), new Message(Message.TAKES));
        os.child().takeover();
        parent.await(State.DRAINING);
        web.drained();
        parent.participant.drained();
        os.child().ready();
        Await.get(upgrade);
        web.await("resume", "pause", "drain PT30S", "release");
    }

    @Test
    void aStopBetweenTakeoverAndCommitDrainsThem() throws Exception {
        draining();
        MessageSocket childs = os.child().channel();
        web.await("resume", "pause", "drainOthers PT30S");
        life.stop();
        os.child().await(Message.STOP);
        web.await("resume", "pause", "drainOthers PT30S", "release", "drain PT30S");
        assertChannelIsClosed(childs);
        web.otherDrained();
        web.drained();
        parent.participant.drained();
        Await.get(life.exit());
        os.child().exit(0);
        parent.assertNothingLeaked(os.child());
    }

    @Test
    void aStopBeforeTheTakeoverClosesTheChannel() throws Exception {
        life.upgrade();
        parent.child();
        life.stop();
        web.drained();
        parent.participant.drained();
        Await.get(life.exit());
        parent.assertNothingLeaked();
    }

    @Test
    void aRollbackKeepsThem() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        web.await("resume", "pause", "drainOthers PT30S");
        MessageSocket childs = os.child().channel();
        os.child().exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        web.await("resume", "pause", "drainOthers PT30S", "resume");
        assertChannelIsClosed(childs);
        parent.assertNothingLeaked();

        // what was to be transferred to that child is not to the next
        CompletableFuture<Long> next = life.upgrade();
        Await.until("the next child", () -> os.child().pid == 5002);
        parent.child().takeover();
        parent.await(State.DRAINING);
        web.drained();
        parent.participant.drained();
        os.child().ready();
        Await.get(next);
        web.await("resume", "pause", "drainOthers PT30S", "resume", "pause", "drain PT30S", "release");
    }

    @Test
    void aChildThatDoesNotCommitLeavesNothing() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        web.otherDrained();
        parent.participant.drained();
        parent.await(State.COMMITTING);
        parent.advance(Handover.COMMIT_TIMEOUT);
        assertEquals(Reason.TIMED_OUT, parent.reason(upgrade));
        web.await("resume", "pause", "drainOthers PT30S", "resume");
        parent.assertNothingLeaked();
    }

    @Test
    void aSpawnThatFailsLeavesNothing() throws Exception {
        os.fail("posix_spawn", 0, Errno.EAGAIN);
        assertEquals(Reason.SPAWN_FAILED, parent.reason(life.upgrade()));
        parent.assertNothingLeaked();
    }

    @Test
    void withoutAChannelAllAreDrained() throws Exception {
        os.fail("socketpair", 0, Errno.EMFILE);
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = os.child();
        assertEquals(3, child.request.fds().size());
        assertEquals(List.of(List.of("listener", "tcp", ":80")), Gob.decode(new ByteArrayInputStream(child.read())));
        assertTrue(parent.logs.has("no connections will be transferred"), parent.logs::toString);
        child.say(new Message(Message.TAKES, "0"));
        child.takeover();
        parent.await(State.DRAINING);
        web.drained();
        parent.participant.drained();
        child.ready();
        Await.get(upgrade);
        web.await("resume", "pause", "drain PT30S", "release");
    }

    /** The participant drains what it could not send. */
    @Test
    void aChildThatEndsAfterTheCommitTakesNoMore() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        commit(upgrade);
        ConnectionSender sender = web.sender();
        CompletableFuture<Void> told = new CompletableFuture<>();
        sender.onCredit(() -> told.complete(null));
        os.child().exit(1);
        Await.get(told);
        assertTrue(sender.isRefused());
        assertFalse(sender.take());
        web.transferred();
        Await.get(life.exit());
        assertEquals(2, os.open().size());
        assertEquals(List.of(), os.mistakes());
    }
}
