package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.State;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.link.Message;
import io.tableflip.core.os.FakeOs.FakeChild;
import io.tableflip.testsupport.Await;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A request for an upgrade that comes by a signal gets no answer, so it must not be lost. The parent's side.
 */
class RequestedUpgradeTest {
    private final ParentFixture parent;
    private final Lifecycle life;

    RequestedUpgradeTest(@TempDir Path directory) throws Exception {
        parent = new ParentFixture(directory);
        life = parent.life;
    }

    @AfterEach
    void close() {
        parent.close();
    }

    private void hangUp() throws Exception {
        life.upgradeBySignal("HUP");
        parent.settle();
    }

    private FakeChild childAfter(FakeChild former) throws Exception {
        Await.until("another child\n" + parent.logs, () -> parent.os.last() != former);
        return parent.child();
    }

    @Test
    void aRequestBeforeTheProcessIsReadyBeginsWhenItIs() throws Exception {
        hangUp();
        assertTrue(parent.logs.has("requested and deferred"), parent.logs::toString);
        parent.serve();
        parent.child();
        assertEquals(State.STARTING, life.state());
    }

    @Test
    void requestsDuringAnUpgradeThatFailsBeginOneMore() throws Exception {
        parent.serve();
        hangUp();
        FakeChild first = parent.child();
        hangUp();
        hangUp();
        first.exit(1);
        FakeChild second = childAfter(first);
        second.exit(1);
        parent.await(State.SERVING);
        assertEquals(second, parent.os.last(), "nobody has requested a third one");
    }

    @Test
    void requestsDuringAnUpgradeThatSucceedsArePassedOnOnce() throws Exception {
        parent.serve();
        hangUp();
        FakeChild child = parent.child();
        child.takeover();
        parent.await(State.DRAINING);
        hangUp();
        hangUp();
        parent.participant.drained();
        child.await(Message.DRAINED);
        child.ready();
        child.await(Message.REQUEST);
        Await.get(life.exit());
        parent.settle();
        assertEquals(0, child.read().length);
        assertEquals(child, parent.os.last());
    }

    @Test
    void aRequestAfterTheCommitIsPassedOn() throws Exception {
        parent.serve();
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.takeover();
        parent.await(State.DRAINING);
        child.ready();
        Await.get(upgrade);
        hangUp();
        child.await(Message.REQUEST);
        assertTrue(parent.logs.has("passed on to the new process"), parent.logs::toString);
        parent.participant.drained();
        Await.get(life.exit());
        hangUp(); // the process is there until its main has ended
        child.await(Message.REQUEST);
        assertEquals(Reason.ALREADY_UPGRADED, parent.reason(life.upgrade()));
    }

    /** Go's tableflip panics if it is sent anything but the names. */
    @Test
    void aChildOfLevel1IsNotSentARequest() throws Exception {
        parent.serve();
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        hangUp();
        child.ready();
        Await.get(upgrade);
        hangUp();
        assertEquals(0, child.read().length);
        assertTrue(parent.logs.has("refused: a newer process has taken over already"), parent.logs::toString);
    }

    @Test
    void anUpgradeThatBeginsMeanwhileServesTheRequest() throws Exception {
        parent.serve();
        CompletableFuture<Long> first = life.upgrade();
        FakeChild child = parent.child();
        hangUp();
        assertEquals(Reason.IN_PROGRESS, parent.reason(life.upgrade()));
        child.exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(first));
        FakeChild second = childAfter(child);
        second.exit(1);
        parent.await(State.SERVING);
        assertFalse(life.exit().isDone());
    }

    @Test
    void aStopDropsTheRequest() throws Exception {
        parent.serve();
        hangUp();
        FakeChild child = parent.child();
        hangUp();
        life.stop();
        parent.participant.drained();
        Await.get(life.exit());
        assertEquals(child, parent.os.last());
    }
}
