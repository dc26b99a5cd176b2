package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.core.ResourceCheck;
import io.tableflip.core.State;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.link.Message;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeOs.FakeChild;
import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The parent's side of a child that boots with SCHED_IDLE: what is asked of the system, and when. */
@Tag("root")
class IdleBootTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final ParentFixture parent;
    private final FakeOs os;
    private final Lifecycle life;

    IdleBootTest(@TempDir Path directory) throws Exception {
        assumeTrue(IdleBoot.whyNot(new ProcFs()) == null, "this user may not set a process back from SCHED_IDLE");
        parent = new ParentFixture(directory, Duration.ofSeconds(5), true, ResourceCheck.OFF, LIMIT);
        os = parent.os;
        life = parent.life;
    }

    @AfterEach
    void close() {
        parent.close();
    }

    private CompletableFuture<Long> upgrade() throws Exception {
        parent.serve();
        return life.upgrade();
    }

    private void takeOverAndCommit(FakeChild child, CompletableFuture<Long> upgrade) throws Exception {
        child.takeover();
        parent.await(State.DRAINING);
        child.ready();
        Await.get(upgrade);
    }

    private static boolean isTold(FakeChild child) {
        return child.request.environment().stream()
                .anyMatch(variable -> variable.startsWith("TABLEFLIP_LINK=") && variable.endsWith(":idle"));
    }

    private void awaitCalls(String... calls) throws Exception {
        Await.until(List.of(calls) + " of " + os.calls(), () -> os.calls().equals(List.of(calls)));
    }

    @Test
    void aChildIsIdleUntilItTakesOver() throws Exception {
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        awaitCalls("spawn 5001", "idle 5001");
        assertTrue(isTold(child));
        child.takeover();
        parent.await(State.DRAINING);
        awaitCalls("spawn 5001", "idle 5001", "normal 5001");
        parent.advance(LIMIT);
        parent.participant.drained();
        child.await(Message.DRAINED);
        child.ready();
        Await.get(upgrade);
        parent.settle();
        awaitCalls("spawn 5001", "idle 5001", "normal 5001");
    }

    /** A thread that was just being made has escaped. */
    @Test
    void itIsMadeNormalOnceMore() throws Exception {
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        takeOverAndCommit(child, upgrade);
        parent.settle();
        parent.advance(Housekeeping.DELAY);
        awaitCalls("spawn 5001", "idle 5001", "normal 5001", "all normal 5001");
    }

    @Test
    void itIsIdleNoLongerThanTheLimit() throws Exception {
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        parent.advance(LIMIT.minusNanos(1));
        parent.settle();
        awaitCalls("spawn 5001", "idle 5001");
        parent.advance(Duration.ofNanos(1));
        awaitCalls("spawn 5001", "idle 5001", "normal 5001");
        takeOverAndCommit(child, upgrade);
        awaitCalls("spawn 5001", "idle 5001", "normal 5001");
    }

    @Test
    void oneOfLevelOneIsIdleUntilItIsReady() throws Exception {
        CompletableFuture<Long> upgrade = upgrade();
        parent.child().ready();
        Await.get(upgrade);
        awaitCalls("spawn 5001", "idle 5001", "all normal 5001");
    }

    /** It has taken over by itself, and cannot be told to take it back. */
    @Test
    void oneOfLevelOneThatStaysIdleIsTheServiceAllTheSame() throws Exception {
        os.fail("sched_setscheduler normal", 0, Errno.EPERM);
        CompletableFuture<Long> upgrade = upgrade();
        parent.child().ready();
        Await.get(upgrade);
        Await.until("logged", () -> parent.logs.has("cannot be set back from SCHED_IDLE"));
    }

    @Test
    void aChildThatCannotBeMadeIdleBootsAsEver() throws Exception {
        os.fail("sched_setscheduler idle", 0, Errno.EPERM);
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        takeOverAndCommit(child, upgrade);
        assertTrue(parent.logs.has("the child does not boot with SCHED_IDLE"));
        awaitCalls("spawn 5001", "idle 5001", "normal 5001"); // some of its threads may be
    }

    /** An idle process would take its time to end, too. */
    @Test
    void whoIsKilledIsNormalFirst() throws Exception {
        CompletableFuture<Long> upgrade = upgrade();
        parent.child().close(3);
        parent.settle();
        Await.until("silent", () -> {
            parent.advance(Handover.REAP_LIMIT);
            return upgrade.isDone();
        });
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        awaitCalls("spawn 5001", "idle 5001", "normal 5001", "kill 5001 9");
    }

    @Test
    void whoStaysIdleAtTheLimitIsMadeNormalAtTheTakeover() throws Exception {
        os.fail("sched_setscheduler normal", 0, Errno.EMFILE);
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        parent.advance(LIMIT);
        Await.until("logged", () -> parent.logs.has("cannot be set back from SCHED_IDLE"));
        takeOverAndCommit(child, upgrade);
        awaitCalls("spawn 5001", "idle 5001", "normal 5001", "normal 5001");
    }

    /** The parent has no descriptor left to look for its threads, for example. */
    @Test
    void whatFailsForAMomentIsTriedAgain() throws Exception {
        os.fail("sched_setscheduler normal", 0, Errno.EMFILE);
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        takeOverAndCommit(child, upgrade);
        parent.settle();
        parent.advance(Housekeeping.DELAY);
        Await.until(
                "again",
                () -> os.calls().stream().filter("all normal 5001"::equals).count()
                        == 2); // at the commit, and once more
    }

    /** It has accepted just before the limit was over. */
    @Test
    void aTakeoverCountsThatStandsInThePipe() throws Exception {
        os.fail("sched_setscheduler normal", 0, Errno.EPERM);
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        CountDownLatch go = parent.stopTheWorld();
        child.takeover();
        parent.advance(LIMIT);
        go.countDown();
        child.await(Message.ABORT); // and is not killed
        assertFalse(os.calls().contains("kill 5001 9"));
        child.exit(0);
        assertEquals(Reason.CHILD_FAILED, parent.reason(upgrade));
    }

    /** It has accepted connections, which it may finish. */
    @Test
    void whoStaysIdleAtTheTakeoverIsAskedToLeave() throws Exception {
        os.fail("sched_setscheduler normal", 0, Errno.EPERM);
        CompletableFuture<Long> upgrade = upgrade();
        FakeChild child = parent.child();
        child.takeover();
        child.await(Message.ABORT);
        parent.settle();
        assertFalse(upgrade.isDone());
        assertEquals(List.of("resume"), parent.participant.calls);
        child.exit(0);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.CHILD_FAILED, failure.reason());
        assertTrue(
                String.valueOf(failure.getMessage()).contains("cannot be set back from SCHED_IDLE"), failure::toString);
        parent.await(State.SERVING);
        awaitCalls("spawn 5001", "idle 5001", "normal 5001");
        assertEquals(List.of("resume"), parent.participant.calls);

        life.upgrade(); // the next one boots as ever
        Await.until("spawned", () -> os.calls().contains("spawn 5002"));
        parent.settle();
        assertFalse(os.calls().contains("idle 5002"));
    }
}
