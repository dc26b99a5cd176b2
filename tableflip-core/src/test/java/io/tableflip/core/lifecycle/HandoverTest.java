package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.FdName;
import io.tableflip.core.Participant;
import io.tableflip.core.State;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.link.Gob;
import io.tableflip.core.link.Message;
import io.tableflip.core.link.WireNames;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeOs.FakeChild;
import io.tableflip.testsupport.Await;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The parent's side of an upgrade: every way that it can go, at the pace of a clock that the test moves. */
class HandoverTest {
    private static final Duration UPGRADE_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration READY_AFTER = Duration.ofSeconds(5);
    private static final Duration MOMENT = Handover.REAP_LIMIT;

    private final ParentFixture parent;
    private final FakeOs os;
    private final Lifecycle life;

    HandoverTest(@TempDir Path directory) throws Exception {
        parent = new ParentFixture(directory);
        os = parent.os;
        life = parent.life;
    }

    @BeforeEach
    void serve() throws Exception {
        parent.serve();
    }

    @AfterEach
    void close() {
        parent.close();
    }

    /** An upgrade in which the child has just taken over. */
    private CompletableFuture<Long> draining() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().takeover();
        parent.await(State.DRAINING);
        return upgrade;
    }

    private CompletableFuture<Long> committing() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        parent.participant.drained();
        parent.await(State.COMMITTING);
        return upgrade;
    }

    // ---- success

    @Test
    void anUpgradeStepByStep() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = os.child();
        Await.until("names", () -> child.request.fds().size() == 3);
        assertEquals(List.of(List.of("listener", "tcp", ":80")), Gob.decode(new ByteArrayInputStream(child.read())));
        assertEquals(State.STARTING, life.state());
        assertEquals(List.of("resume"), parent.participant.calls);

        child.takeover();
        parent.await(State.DRAINING);
        parent.participant.await("resume", "pause", "drain");
        child.await(Message.PAUSED);
        assertEquals(0, child.read().length);

        parent.participant.drained();
        child.await(Message.DRAINED);
        parent.await(State.COMMITTING);
        assertFalse(upgrade.isDone());

        child.ready();
        assertEquals(child.pid, Await.get(upgrade));
        parent.participant.await("resume", "pause", "drain", "release");
        Await.get(life.exit());
        assertEquals(State.EXITING, life.state());
        parent.awaitEvents(
                "spawned " + child.pid, "childReady " + child.pid, "draining", "drained", "committed " + child.pid);
        Await.until("logged", () -> parent.logs.has("the lifecycle listener failed"));
        assertFalse(child.parentHasHungUp(), "the end of file on 4 tells the child that this process is gone");
        assertEquals(2, os.open().size(), "the listener, and the write end that lives as long as this process");
        assertEquals(List.of(), os.mistakes());
        assertTrue(Files.exists(parent.pidFile), "the child's by now");
    }

    @Test
    void whoLivesLongerIsFinishedAfterTheCommit() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        FakeChild child = os.child();
        parent.advance(READY_AFTER.minusNanos(1));
        parent.settle();
        assertEquals(State.DRAINING, life.state());
        parent.advance(Duration.ofNanos(1));
        child.await(Message.DRAINED);
        parent.await(State.COMMITTING);
        child.ready();
        Await.get(upgrade);
        assertEquals(State.LINGERING, life.state());
        parent.settle();
        assertFalse(life.exit().isDone());
        parent.participant.drained();
        Await.get(life.exit());
    }

    /** A participant that has paused when the test says so. */
    private CompletableFuture<Void> pausing() {
        CompletableFuture<Void> paused = new CompletableFuture<>();
        life.register(new Participant() {
            @Override
            public CompletionStage<?> pause() {
                return paused;
            }
        });
        return paused;
    }

    /** Both would read from it. */
    @Test
    void theChildHearsThatAllHavePausedNotBefore() throws Exception {
        CompletableFuture<Void> paused = pausing();
        CompletableFuture<Long> upgrade = draining();
        FakeChild child = os.child();
        parent.participant.await("resume", "pause", "drain");
        parent.settle();
        assertEquals(0, child.read().length);
        paused.complete(null);
        child.await(Message.PAUSED);
        child.exit(3);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
    }

    /** The child would take its commit for the word that nobody else reads. */
    @Test
    void evenIfNothingIsToBeWaitedForTheChildHearsOfThePauseFirst() throws Exception {
        CompletableFuture<Void> paused = pausing();
        CompletableFuture<Long> upgrade = draining();
        FakeChild child = os.child();
        parent.participant.await("resume", "pause", "drain");
        CompletableFuture<Void> behindTheTimer = new CompletableFuture<>();
        life.context()
                .loop()
                .execute(() -> life.context().loop().schedule(READY_AFTER, () -> behindTheTimer.complete(null)));
        parent.settle();
        parent.advance(READY_AFTER);
        Await.get(behindTheTimer);
        assertEquals(State.DRAINING, life.state());
        paused.complete(null);
        child.await(Message.DRAINED);
        assertEquals(List.of(Message.PAUSED, Message.DRAINED), child.heard());
        child.ready();
        Await.get(upgrade);
    }

    @Test
    void aParticipantThatDoesNotPauseIsNotWaitedForForEver() throws Exception {
        pausing();
        CompletableFuture<Long> upgrade = draining();
        FakeChild child = os.child();
        Await.until("not waited for any longer", () -> {
            parent.advance(Duration.ofMillis(100));
            return life.state() == State.COMMITTING;
        });
        child.await(Message.DRAINED);
        child.ready();
        Await.get(upgrade);
    }

    private static final FdName SESSION = FdName.conn("tcp", "session");

    private void addSession() {
        life.fds().add(SESSION, use -> CompletableFuture.completedFuture(null));
    }

    /** It would be closed at the commit, and its client would be served by nobody. */
    @Test
    void aConnectionThatComesTooLateForTheChildIsRefused() throws Exception {
        CompletableFuture<Long> failing = life.upgrade();
        FakeChild first = parent.child();
        assertThrows(IllegalStateException.class, this::addSession);
        first.exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(failing));
        addSession();
        life.fds().remove(SESSION);

        CompletableFuture<Long> upgrade = life.upgrade();
        Await.until("the next child", () -> os.child() != first);
        parent.child().takeover();
        parent.await(State.DRAINING);
        assertThrows(IllegalStateException.class, this::addSession);
        parent.participant.drained();
        os.child().ready();
        Await.get(upgrade);
        parent.settle();
        IllegalStateException leaving = assertThrows(IllegalStateException.class, this::addSession);
        assertTrue(String.valueOf(leaving.getMessage()).contains("leaving"), leaving::toString);
    }

    @Test
    void aStopRefusesThemForGood() throws Exception {
        life.upgrade();
        parent.child();
        life.stop();
        parent.participant.drained();
        Await.get(life.exit());
        assertThrows(IllegalStateException.class, this::addSession);
    }

    /** Other shutdown hooks may take their time. */
    @Test
    void noUpgradeBeginsWhenTheJvmEnds() throws Exception {
        life.shutdown().jvmEnds();
        assertEquals(Reason.STOPPING, parent.reason(life.upgrade()));
        assertNull(os.last());
        assertFalse(Files.exists(parent.pidFile));
    }

    @Test
    void anUpgradeThatFailsWhenTheJvmEndsLeavesNoPidFile() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        FakeChild child = os.child();
        Files.writeString(parent.pidFile, Integer.toString(child.pid));
        life.shutdown().jvmEnds();
        child.exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        assertFalse(Files.exists(parent.pidFile));
    }

    @Test
    void aDrainThatNeverEndsIsNotWaitedFor() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        parent.advance(READY_AFTER);
        parent.await(State.COMMITTING);
        os.child().ready();
        Await.get(upgrade);
        parent.settle();
        parent.advance(Duration.ofSeconds(30).plus(MOMENT));
        Await.get(life.exit());
        assertTrue(parent.logs.has("does not end its drain"));
    }

    @Test
    void aLevel1ChildSaysNothingButReady() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.ready();
        assertEquals(child.pid, Await.get(upgrade));
        parent.participant.await("resume", "pause", "release", "drain");
        assertEquals(0, child.read().length, "it would not understand");
        parent.participant.drained();
        Await.get(life.exit());
        assertEquals(2, os.open().size());
    }

    @Test
    void whatStandsInThePipeWhenATimerExpiresCounts() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        CountDownLatch go = parent.stopTheWorld();
        child.takeover();
        child.ready();
        parent.advance(UPGRADE_TIMEOUT.plusHours(1)); // stopped for an hour
        go.countDown();
        assertEquals(child.pid, Await.get(upgrade));
    }

    @Test
    void aTakeoverInTheLastMomentDoesNotMakeTheNextTimerExpire() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        CountDownLatch go = parent.stopTheWorld();
        child.takeover();
        parent.advance(UPGRADE_TIMEOUT.plusHours(1));
        go.countDown();
        parent.await(State.DRAINING);
        parent.participant.drained();
        parent.await(State.COMMITTING);
        child.ready();
        Await.get(upgrade);
    }

    @Test
    void aReadyWrittenBeforeTheCommitTimeoutCounts() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        CountDownLatch go = parent.stopTheWorld();
        os.child().ready();
        parent.advance(Duration.ofHours(1));
        go.countDown();
        Await.get(upgrade);
    }

    @Test
    void unknownMessagesAndASecondTakeoverAreIgnored() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        os.child().say(new Message((byte) 'x', "of a later version"));
        os.child().takeover();
        Await.until("ignored", () -> parent.logs.has("a second takeover"));
        assertEquals(State.DRAINING, life.state());
        os.child().ready(); // legal in any state after the spawn
        Await.get(upgrade);
    }

    /** Whoever is killed right after the spawn leaves a child that knows all it needs. */
    @Test
    void aChildIsBornWithItsNames() throws Exception {
        List<List<String>> names = addFiles(300);
        CompletableFuture<Long> upgrade = life.upgrade();
        assertEquals(Gob.encode(names).length, os.child().given);
        os.child().exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
    }

    @Test
    void whatFollowsReadyDoesNotCount() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        FakeChild child = os.child();
        child.say(
                new Message(Message.READY),
                new Message(Message.FAILED, "too late"),
                new Message(Message.TAKEOVER, "1"),
                new Message(Message.READY));
        assertEquals(child.pid, Await.get(upgrade));
        Await.get(life.exit());
        assertEquals(State.EXITING, life.state());
        parent.participant.await("resume", "pause", "drain", "release");
        assertFalse(parent.logs.has("too late"), parent.logs::toString);
    }

    @Test
    void readyWithoutATakeoverIsACommit() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.say(new Message(Message.READY), new Message(Message.TAKEOVER, Integer.toString(child.pid)));
        assertEquals(child.pid, Await.get(upgrade));
        parent.participant.await("resume", "pause", "release", "drain");
    }

    @Test
    void messagesThatOnlyAParentSendsAreSkipped() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child()
                .say(
                        new Message(Message.DRAINED),
                        new Message(Message.ABORT),
                        new Message(Message.STOP, "x".repeat(4000)));
        os.child().takeover();
        parent.await(State.DRAINING);
        os.child().ready();
        Await.get(upgrade);
    }

    // ---- nonsense

    @Test
    void aTakeoverAfterFailedAsksNobodyToLeave() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.say(
                new Message(Message.FAILED, "bind: Address already in use"),
                new Message(Message.TAKEOVER, Integer.toString(child.pid)));
        Await.until("ignored", () -> parent.logs.has("or one after it has failed"));
        assertEquals(State.STARTING, life.state());
        child.exit(1);
        assertEquals(Reason.CHILD_FAILED, parent.reason(upgrade));
        assertEquals(List.of("resume"), parent.participant.calls);
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    @Test
    void failedAfterTheTakeoverGivesTheServiceBack() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        os.child().say(new Message(Message.FAILED, "disk full"), new Message(Message.FAILED, "again"));
        parent.await(State.SERVING);
        parent.participant.await("resume", "pause", "drain", "resume");
        os.child().exit(1);
        assertEquals(Reason.CHILD_FAILED, parent.reason(upgrade));
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "-1", "5001 ", "99999999999999999999", "5001\nINFO: all is well\u001b[2J"})
    void aTakeoverWithGarbageForAPidIsRefused(String pid) throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().say(new Message(Message.TAKEOVER, pid));
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.WRONG_PROCESS, failure.reason());
        assertOneLine(failure);
        assertEquals(List.of("resume"), parent.participant.calls);
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    @Test
    void wordsOfTheChildForgeNoLine() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.say(new Message(Message.FAILED, "\n\u001b[2J\r\0".repeat(500) + "\nINFO: all is well"));
        child.exit(1);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.CHILD_FAILED, failure.reason());
        assertOneLine(failure);
    }

    private void assertOneLine(UpgradeException failure) {
        String message = String.valueOf(failure.getMessage());
        assertTrue(message.chars().noneMatch(Character::isISOControl), message);
        assertTrue(message.length() < 5000, message);
        String logged = parent.logs.toString();
        assertTrue(logged.chars().noneMatch(c -> c != '\n' && Character.isISOControl(c)), logged);
        assertFalse(logged.lines().anyMatch(line -> line.startsWith("INFO: all is well")), logged);
    }

    @Test
    void aMessageThatIsCutByTheEndIsSilence() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        FakeChild child = os.child();
        child.sayRaw(new byte[] {Message.FAILED, 0, 100, 'd', 'i', 's', 'k'});
        child.close(3);
        parent.await(State.SERVING);
        child.exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    /** As fast as it is read: the timers of the parent must still run. */
    @Test
    void aChildThatSendsWithoutEndHasFailed() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.flood(new Message((byte) 'x', "y".repeat(1000)).encode());
        Await.until("noticed", () -> parent.logs.has("bytes of messages"));
        parent.settle();
        parent.advance(MOMENT);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.CHILD_EXITED, failure.reason());
        assertTrue(failure.toString().contains("has sent more than"), failure::toString);
        assertTrue(os.calls().contains("kill " + child.pid + " 9"));
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    private List<List<String>> addFiles(int number) {
        List<List<String>> names = new ArrayList<>(List.of(List.of("listener", "tcp", ":80")));
        for (int i = 0; i < number; i++) {
            FdName name = FdName.file("n".repeat(1000) + i);
            names.add(WireNames.encode(name));
            life.fds().add(name, use -> {
                use.accept(50);
                return CompletableFuture.completedFuture(null);
            });
        }
        return names;
    }

    @Test
    void moreNamesThanAPipeTakesAreWrittenAsTheChildReads() throws Exception {
        List<List<String>> names = addFiles(1200);
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = os.child();
        assertTrue(child.given < Gob.encode(names).length);
        int size = Gob.encode(names).length;
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        Await.until("all names", () -> {
            read.writeBytes(child.read());
            return read.size() == size;
        });
        assertEquals(names, Gob.decode(new ByteArrayInputStream(read.toByteArray())));
        child.takeover();
        parent.await(State.DRAINING);
        parent.participant.drained();
        child.await(Message.DRAINED);
        child.ready();
        Await.get(upgrade);
    }

    /** Reaped here, its status would be lost to whoever adopts it. */
    @Test
    void theEndOfTheSuccessorIsLoggedAndItIsLeftAZombie() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        os.child().ready();
        Await.get(upgrade);
        os.child().exit(7);
        Await.until("logged", () -> parent.logs.has("nobody accepts any more"));
        assertTrue(parent.logs.has("exit status 7"));
        assertTrue(os.allReapedBut(os.child()));
    }

    // ---- failure

    @Test
    void aChildThatIsNotReadyInTimeIsKilled() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        parent.advance(UPGRADE_TIMEOUT);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.TIMED_OUT, failure.reason());
        assertEquals(OptionalLong.of(child.pid), failure.pid());
        assertEquals(State.SERVING, life.state());
        assertEquals(List.of("resume"), parent.participant.calls, "nobody was asked to leave");
        assertEquals(List.of("spawn " + child.pid, "kill " + child.pid + " 9"), os.calls());
        assertTrue(parent.logs.has("this process serves on"));
        parent.awaitEvent("rolledBack TIMED_OUT");
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    /** The open file is shared, and an event loop that calls accept on a blocking one hangs. */
    @Test
    void aSocketThatAFailedChildHasSetToBlockingIsSetBack() throws Exception {
        int listener = os.open().iterator().next();
        os.setNonBlocking(listener);
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        os.setBlocking(listener);
        child.exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        assertTrue(os.isNonBlocking(listener));
        parent.assertNothingLeaked();
    }

    @Test
    void aSocketThatIsSetToBlockingWhenTheServiceIsStoppedIsSetBackForTheDrain() throws Exception {
        int listener = os.open().iterator().next();
        os.setNonBlocking(listener);
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child();
        os.setBlocking(listener);
        life.stop();
        assertEquals(Reason.STOPPING, parent.reason(upgrade));
        assertTrue(os.isNonBlocking(listener));
    }

    @Test
    void whatWasBlockingBeforeStaysSo() throws Exception {
        int listener = os.open().iterator().next();
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().exit(1);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        assertFalse(os.isNonBlocking(listener));
    }

    private void theNextUpgradeWorks() throws Exception {
        FakeChild last = os.last();
        CompletableFuture<Long> upgrade = life.upgrade();
        Await.until("another child", () -> os.last() != last);
        os.child().takeover();
        os.child().ready();
        assertEquals(os.child().pid, Await.get(upgrade));
    }

    @Test
    void aChildThatDoesNotCommitIsKilledAndTheServiceTakenBack() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        parent.advance(Handover.COMMIT_TIMEOUT);
        assertEquals(Reason.TIMED_OUT, parent.reason(upgrade));
        assertEquals(State.SERVING, life.state());
        parent.participant.await("resume", "pause", "drain", "resume");
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    @Test
    void aChildThatCannotBeKilledIsToldAndLeftBehind() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        FakeChild child = os.child();
        child.makeImmortal();
        child.read();
        parent.advance(Handover.COMMIT_TIMEOUT);
        child.await(Message.ABORT);
        Await.until("hung up", child::parentHasHungUp);
        parent.settle();
        assertFalse(upgrade.isDone());
        parent.advance(MOMENT);
        assertEquals(Reason.TIMED_OUT, parent.reason(upgrade));
        assertEquals(State.SERVING, life.state());
        child.exit(0);
        parent.assertNothingLeaked();
    }

    /**
     * It may have committed just now, and would take the end of the link for the end of its parent: it could
     * begin an upgrade.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aChildThatIsGivenUpIsKilledBeforeItSeesTheEndOfTheLink(boolean stop) throws Exception {
        CompletableFuture<Long> upgrade = stop ? life.upgrade() : committing();
        FakeChild child = parent.child();
        if (stop) {
            life.stop();
        } else {
            parent.advance(Handover.COMMIT_TIMEOUT);
        }
        assertEquals(stop ? Reason.STOPPING : Reason.TIMED_OUT, parent.reason(upgrade));
        assertTrue(child.wasKilledBeforeItSawTheEnd());
    }

    @Test
    void aChildThatEndsBeforeItsTakeoverHarmsNobody() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().exit(3);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.CHILD_EXITED, failure.reason());
        assertEquals(OptionalInt.of(3), failure.exitStatus());
        assertTrue(failure.toString().contains("exit status 3"), failure::toString);
        assertEquals(List.of("resume"), parent.participant.calls);
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    @Test
    void endOfFileGivesTheServiceBackAtOnce() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        FakeChild child = os.child();
        child.close(3);
        parent.await(State.SERVING);
        parent.participant.await("resume", "pause", "drain", "resume");
        assertFalse(upgrade.isDone(), "the child may finish what it has accepted");
        assertEquals(Reason.IN_PROGRESS, parent.reason(life.upgrade()));
        child.exit(0);
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        assertFalse(os.calls().contains("kill " + child.pid + " 9"));
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    @Test
    void aChildThatLingersAfterItsEndOfFileIsKilledInTheEnd() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        os.child().close(3);
        parent.await(State.SERVING);
        parent.advance(Duration.ofSeconds(39));
        parent.settle();
        assertFalse(upgrade.isDone());
        parent.advance(Duration.ofSeconds(1));
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        parent.assertNothingLeaked();
    }

    @Test
    void theChildsOwnWordsReachTheCaller() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.say(new Message(Message.FAILED, "bind 0.0.0.0:9090: Address already in use"));
        parent.settle();
        assertFalse(upgrade.isDone(), "it may write its own log first");
        child.exit(1);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.CHILD_FAILED, failure.reason());
        assertEquals("bind 0.0.0.0:9090: Address already in use", failure.getMessage());
        assertEquals(OptionalInt.of(1), failure.exitStatus());
        parent.assertNothingLeaked();
    }

    @Test
    void aChildThatHasFailedAndDoesNotEndIsKilled() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.say(new Message(Message.FAILED, "why"));
        Await.until("heard", () -> {
            parent.settle();
            parent.advance(MOMENT);
            return upgrade.isDone();
        });
        assertEquals(Reason.CHILD_FAILED, parent.reason(upgrade));
        assertTrue(os.calls().contains("kill " + child.pid + " 9"));
        parent.assertNothingLeaked();
    }

    @Test
    void readyAfterFailedIsIgnored() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        os.child().say(new Message(Message.FAILED, "PID file"), new Message(Message.READY));
        parent.await(State.SERVING);
        os.child().exit(1);
        assertEquals(Reason.CHILD_FAILED, parent.reason(upgrade));
        parent.assertNothingLeaked();
    }

    @Test
    void anotherProcessThanTheSpawnedOneIsRefused() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().say(new Message(Message.TAKEOVER, "4711"));
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.WRONG_PROCESS, failure.reason());
        assertTrue(failure.toString().contains("must exec the JVM"), failure::toString);
        assertEquals(List.of("resume"), parent.participant.calls);
        parent.assertNothingLeaked();
    }

    @Test
    void aChildDeadRightAfterReadyIsNoSuccessor() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        synchronized (os) { // nobody sees one without the other
            os.child().ready();
            os.child().exit(139);
        }
        assertEquals(Reason.CHILD_EXITED, parent.reason(upgrade));
        assertEquals(State.SERVING, life.state());
        parent.participant.await("resume", "pause", "drain", "resume");
        parent.assertNothingLeaked();
        theNextUpgradeWorks();
    }

    @Test
    void thePidFileIsRestored() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        FakeChild child = os.child();
        Files.writeString(parent.pidFile.resolveSibling(".app.pid." + child.pid), "left");
        Files.writeString(parent.pidFile, Integer.toString(child.pid));
        child.exit(137);
        assertEquals(OptionalInt.of(137), parent.failure(upgrade).exitStatus());
        assertEquals(Long.toString(ProcessHandle.current().pid()), Files.readString(parent.pidFile));
        assertFalse(Files.exists(parent.pidFile.resolveSibling(".app.pid." + child.pid)));
    }

    // ---- the program's part

    @Test
    void anOwnerThatNeverLendsIsNotWaitedForForEver() throws Exception {
        CompletableFuture<IntConsumer> late = new CompletableFuture<>();
        CompletableFuture<Void> stage = new CompletableFuture<>();
        FdName name = FdName.listener("tcp", "of a dead loop");
        life.fds().add(name, use -> {
            late.complete(use);
            return stage;
        });
        CompletableFuture<Long> upgrade = life.upgrade();
        Await.get(late);
        parent.settle();
        parent.advance(UPGRADE_TIMEOUT);
        assertEquals(Reason.SPAWN_FAILED, parent.reason(upgrade));
        Await.get(late).accept(50); // too late: no duplicate is made
        stage.complete(null);
        parent.assertNothingLeaked();
        assertEquals(List.of(), os.calls());
        life.fds().remove(name);
        theNextUpgradeWorks();
    }

    @Test
    void anOwnerThatFailsMakesTheUpgradeFail() throws Exception {
        life.fds().add(FdName.listener("tcp", "throws"), use -> {
            throw new IllegalStateException("on purpose");
        });
        UpgradeException failure = parent.failure(life.upgrade());
        assertEquals(Reason.SPAWN_FAILED, failure.reason());
        assertTrue(failure.toString().contains("listener:tcp:throws"), failure::toString);
        parent.assertNothingLeaked();
    }

    @Test
    void aClosedDescriptorIsNotPassedOn() throws Exception {
        life.fds().add(FdName.listener("tcp", "closed"), use -> CompletableFuture.completedFuture(null));
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = os.child();
        assertEquals(3, child.request.fds().size());
        child.ready();
        Await.get(upgrade);
    }

    @Test
    @SuppressWarnings("NullAway") // what a user may do
    void aCommandThatCannotBeMadeMakesTheUpgradeFail() throws Exception {
        parent.childCommand(own -> {
            throw new IllegalStateException("on purpose");
        });
        UpgradeException failure = parent.failure(life.upgrade());
        assertEquals(Reason.SPAWN_FAILED, failure.reason());
        assertTrue(failure.toString().contains("on purpose"), failure::toString);
        parent.childCommand(own -> null);
        assertEquals(Reason.SPAWN_FAILED, parent.reason(life.upgrade()));
        parent.childCommand(own -> own.withCommand("/bin/other", "x"));
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = os.child();
        assertEquals("/bin/other", child.request.executable());
        assertEquals(List.of("/bin/other", "x"), child.request.arguments());
        child.ready();
        Await.get(upgrade);
    }

    @Test
    void codeOfTheUserThatBlocksHoldsUpNobody() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        CompletableFuture<Long> failing = life.upgrade();
        failing.whenComplete((pid, failure) -> awaitUninterruptibly(go));
        parent.child().exit(1);
        parent.awaitEvent("rolledBack");
        theNextUpgradeWorks();
        go.countDown();
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void whatAUserDoesToAFutureStaysHis() throws Exception {
        life.exit().cancel(true);
        life.parentExited().completeExceptionally(new IllegalStateException());
        life.ready().cancel(true);
        Await.get(life.ready());
        Await.get(life.parentExited());
        CompletableFuture<Long> upgrade = life.upgrade();
        upgrade.cancel(true);
        parent.child().exit(1);
        parent.awaitEvent("rolledBack");
        assertFalse(life.exit().isDone());
        theNextUpgradeWorks();
    }

    // ---- refusals and stop

    @Test
    void refusesWithTheReason() throws Exception {
        CompletableFuture<Long> first = life.upgrade();
        assertEquals(Reason.IN_PROGRESS, parent.reason(life.upgrade()));
        parent.child().ready();
        Await.get(first);
        assertEquals(Reason.ALREADY_UPGRADED, parent.reason(life.upgrade()));
        parent.participant.drained();
        Await.get(life.exit());
        assertEquals(Reason.ALREADY_UPGRADED, parent.reason(life.upgrade()));
    }

    @Test
    void aStopBeforeTheTakeoverEndsTheChildFirst() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        Files.writeString(parent.pidFile.resolveSibling(".app.pid." + child.pid), "prepared");
        life.stop();
        assertEquals(Reason.STOPPING, parent.reason(upgrade));
        assertEquals(List.of("spawn " + child.pid, "kill " + child.pid + " 9"), os.calls());
        parent.participant.await("resume", "release", "drain");
        parent.participant.drained();
        Await.get(life.exit());
        parent.assertNothingLeaked();
        assertEquals(0, parent.pidFile.resolveSibling(".").toFile().list().length);
        assertEquals(Reason.STOPPING, parent.reason(life.upgrade()));
    }

    @Test
    void whileTheChildIsBeingEndedThereIsNoUpgrade() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.makeImmortal();
        life.stop();
        parent.settle();
        assertEquals(Reason.STOPPING, parent.reason(life.upgrade()));
        child.exit(0);
        assertEquals(Reason.STOPPING, parent.reason(upgrade));
    }

    /** Whoever asks why the upgrade has failed learns the first reason. */
    @Test
    void aStopWhileAFailedChildIsBeingKilledNamesBoth() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.makeImmortal();
        parent.advance(UPGRADE_TIMEOUT);
        Await.until("killed", () -> os.calls().contains("kill " + child.pid + " 9"));
        life.stop();
        parent.settle();
        child.exit(0);
        assertEquals(
                "stopped during the upgrade, which had failed before: the child was not ready within 60 s",
                parent.failure(upgrade).getMessage());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStopAfterTheTakeoverIsPassedOn(boolean committing) throws Exception {
        CompletableFuture<Long> upgrade = committing ? committing() : draining();
        FakeChild child = os.child();
        life.stop();
        assertEquals(Reason.STOPPING, parent.reason(upgrade));
        child.await(Message.STOP);
        Await.until("hung up", child::parentHasHungUp);
        assertFalse(os.calls().stream().anyMatch(call -> call.startsWith("kill")));
        parent.participant.drained();
        Await.get(life.exit());
        assertFalse(Files.exists(parent.pidFile));
        child.exit(0);
        parent.assertNothingLeaked(child);
    }

    @Test
    void aStopWhileASilentChildDrainsDoesNotCutIt() throws Exception {
        CompletableFuture<Long> upgrade = draining();
        FakeChild child = os.child();
        child.close(3);
        parent.await(State.SERVING);
        life.stop();
        assertEquals(Reason.STOPPING, parent.reason(upgrade));
        assertFalse(os.calls().stream().anyMatch(call -> call.startsWith("kill")));
        Await.until(
                "drain",
                () -> parent.participant.calls.stream().filter("drain"::equals).count() == 2);
        parent.participant.drained();
        Await.get(life.exit());
        child.exit(0);
        parent.assertNothingLeaked(child);
    }

    @Test
    void aStopDuringTheRollbackWins() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        FakeChild child = os.child();
        child.makeImmortal();
        Files.writeString(parent.pidFile, Integer.toString(child.pid)); // it was about to say READY
        parent.advance(Handover.COMMIT_TIMEOUT);
        Await.until("killed", () -> os.calls().contains("kill " + child.pid + " 9"));
        parent.settle();
        life.stop();
        parent.settle();
        parent.participant.drained();
        child.exit(137);
        assertSame(UpgradeException.class, Await.failure(upgrade).getClass());
        Await.get(life.exit());
        parent.assertNothingLeaked();
        assertFalse(Files.exists(parent.pidFile));
    }

    @Test
    void aCommitThatStandsInThePipeBeatsAStop() throws Exception {
        CompletableFuture<Long> upgrade = committing();
        CountDownLatch go = parent.stopTheWorld();
        life.stop();
        os.child().ready();
        go.countDown();
        assertEquals(os.child().pid, Await.get(upgrade));
        Await.get(life.exit());
        assertTrue(Files.exists(parent.pidFile), "the child's");
    }

    @Test
    void aStopWhileLingeringChangesNothing() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().ready();
        Await.get(upgrade);
        life.stop();
        parent.settle();
        assertEquals(State.LINGERING, life.state());
        parent.participant.drained();
        Await.get(life.exit());
        assertTrue(Files.exists(parent.pidFile));
    }
}
