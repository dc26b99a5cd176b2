package io.tableflip.core.lifecycle;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.State;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.link.Message;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeOs.FakeChild;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Each system call that the parent makes for an upgrade fails in turn: it says which and why, loses nothing,
 * and the next upgrade works.
 */
class FailingCallsTest {
    // the numbers that FakeOs gives: 100 is the duplicate of the listener, 101 and 102 the ready pipe, 103
    // and 104 the names pipe, 105 and 106 the pipe that wakes the thread of the link
    private static final String READ_READY = "read fd 101";
    private static final String READ_WAKE = "read fd 105";

    private final ParentFixture parent;
    private final FakeOs os;
    private final Lifecycle life;

    FailingCallsTest(@TempDir Path directory) throws Exception {
        parent = new ParentFixture(directory);
        os = parent.os;
        life = parent.life;
    }

    @BeforeEach
    void serve() throws Exception {
        parent.serve();
        Await.until("no more calls", () -> parent.logs.has("prepared for the next upgrade"));
    }

    @AfterEach
    void close() {
        parent.close();
    }

    /** An upgrade with a child that does what a good one does, and ends when its parent gives it up. */
    private CompletableFuture<Long> play() throws Exception {
        FakeChild last = os.last();
        CompletableFuture<Long> upgrade = life.upgrade();
        GoodChild good = new GoodChild();
        Await.until("the end of the upgrade, logged:\n" + parent.logs, () -> {
            FakeChild child = os.last();
            synchronized (os) { // not killed meanwhile
                if (child != null && child != last && os.isRunning(child.pid)) {
                    good.live(child);
                }
            }
            parent.participant.draining.complete(DrainReport.NOTHING);
            return upgrade.isDone();
        });
        return upgrade;
    }

    private static final class GoodChild {
        private final Message.Decoder decoder = new Message.Decoder();
        private boolean hasNames;

        void live(FakeChild child) throws IOException {
            byte[] bytes = child.read();
            if (bytes.length > 0 && !hasNames) {
                hasNames = true;
                child.takeover();
            } else {
                List<Message> messages = decoder.decode(bytes, bytes.length);
                if (messages.stream().anyMatch(message -> message.type() == Message.DRAINED)) {
                    child.ready();
                }
                if (messages.stream().anyMatch(message -> message.type() == Message.ABORT) || child.parentHasHungUp()) {
                    child.exit(1);
                }
            }
        }
    }

    private void assertNextUpgradeWorks() throws Exception {
        assertEquals(State.SERVING, life.state());
        parent.assertNothingLeaked();
        CompletableFuture<Long> upgrade = play();
        assertEquals(os.child().pid, Await.get(upgrade));
    }

    private void assertTyped(UpgradeException failure, String call, Errno errno, String object) {
        SystemCallException cause = assertInstanceOf(SystemCallException.class, failure.getCause());
        assertEquals(call, cause.call());
        assertEquals(errno.intValue(), cause.errno());
        assertEquals(object, cause.object());
        String words = String.valueOf(cause.getMessage());
        assertTrue(words.contains(call) && words.contains("(errno " + errno.intValue() + ")"), words);
        assertTrue(failure.toString().contains(words), failure::toString);
        assertTrue(parent.logs.has("this process serves on: " + failure.getMessage()), parent.logs::toString);
    }

    @ParameterizedTest
    @CsvSource({
        "fcntl,          fd 50,  0, EMFILE", // the duplicate of the listener
        "fcntl,          fd 50,  0, EBADF",
        "pipe2,          '',     0, EMFILE",
        "pipe2,          '',     1, EMFILE",
        "pipe2,          '',     2, ENFILE", // the one that wakes the thread of the link
        "setNonBlocking, fd 101, 0, EBADF",
        "setNonBlocking, fd 104, 1, EBADF",
        "setNonBlocking, fd 105, 2, EBADF",
        "setNonBlocking, fd 106, 3, EBADF",
        "write,          fd 104, 0, EIO", // the names
        "write,          fd 104, 0, ENOMEM",
        "posix_spawn,    *,      0, ENOENT",
        "posix_spawn,    *,      0, EACCES",
        "posix_spawn,    *,      0, EAGAIN", // RLIMIT_NPROC
        "posix_spawn,    *,      0, ENOMEM",
    })
    void withoutItThereIsNoChild(String call, String object, int skip, Errno errno) throws Exception {
        os.fail(call, skip, errno);
        UpgradeException failure = parent.failure(play());
        assertEquals(Reason.SPAWN_FAILED, failure.reason());
        assertTyped(
                failure,
                call,
                errno,
                object.equals("*")
                        ? requireNonNull(life.launcher())
                                .childCommand()
                                .command()
                                .get(0)
                        : object);
        assertEquals(OptionalLong.empty(), failure.pid());
        assertEquals(List.of("resume"), parent.participant.calls, "nobody was asked to leave");
        assertEquals(List.of(), os.calls());
        assertNextUpgradeWorks();
    }

    @ParameterizedTest
    @CsvSource({
        READ_READY + ", 0, EIO",
        READ_READY + ", 1, EIO",
        READ_READY + ", 2, ENOMEM",
        READ_WAKE + ",  0, EIO",
        READ_WAKE + ",  1, EIO",
        "poll,          0, ENOMEM",
        "poll,          1, EINVAL",
        "write fd 104,  1, ENOMEM", // DRAINED
    })
    void withoutItTheChildCannotBeHeardOrTold(String call, int skip, Errno errno) throws Exception {
        os.fail(call, skip, errno);
        UpgradeException failure = parent.failure(play());
        assertTrue(os.hasFailed());
        assertEquals(Reason.LINK_FAILED, failure.reason());
        String[] words = call.split(" ", 2);
        assertTyped(failure, words[0], errno, words.length == 1 ? "" : words[1]);
        assertEquals(OptionalLong.of(os.child().pid), failure.pid());
        assertEquals(List.of("spawn " + os.child().pid), os.calls(), "left to finish what it has accepted, not killed");
        assertNextUpgradeWorks();
    }

    /**
     * It may have said READY, which nobody has heard: without a word it would take itself for the service.
     */
    @Test
    void aChildThatCannotBeHeardIsToldThatItWasGivenUp() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.takeover();
        parent.await(State.DRAINING);
        os.fail(READ_READY, 0, Errno.EIO);
        child.ready();
        child.await(Message.ABORT);
        parent.await(State.SERVING);
        child.exit(0);
        assertEquals(Reason.LINK_FAILED, parent.reason(upgrade));
        parent.participant.drained();
        assertNextUpgradeWorks();
    }

    @Test
    void aChildThatCanNeitherBeHeardNorToldIsKilled() throws Exception {
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        child.takeover();
        parent.await(State.DRAINING);
        child.await(Message.PAUSED); // so that the next write is ABORT
        os.fail("write fd 104", 0, Errno.EIO);
        os.fail(READ_READY, 0, Errno.EIO);
        child.ready();
        assertEquals(Reason.LINK_FAILED, parent.reason(upgrade));
        assertTrue(os.calls().contains("kill " + child.pid + " 9"));
        parent.participant.drained();
        assertNextUpgradeWorks();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void whatCannotBeClosedHarmsNobody(int skip) throws Exception {
        os.fail("close", skip, Errno.EIO);
        CompletableFuture<Long> upgrade = play();
        assertEquals(os.child().pid, Await.get(upgrade));
        Await.until(
                "logged",
                () -> parent.logs.has("close fd 10" + List.of(2, 3, 6, 1, 5, 0).get(skip)));
        assertTrue(os.hasFailed());
        Await.until("closed", () -> os.open().equals(Set.of(50, 104)));
        assertEquals(List.of(), os.mistakes());
    }

    @Test
    void aLinkThatCannotBeWokenHasFailed() throws Exception {
        FdName name = FdName.file("n".repeat(1_100_000)); // fills the pipe: the link's thread writes the rest
        life.fds().add(name, use -> {
            use.accept(50);
            return CompletableFuture.completedFuture(null);
        });
        os.fail("write fd 107", 0, Errno.ENOMEM); // one duplicate more
        UpgradeException failure = parent.failure(play());
        assertEquals(Reason.SPAWN_FAILED, failure.reason());
        assertTyped(failure, "write", Errno.ENOMEM, "fd 107");
        life.fds().remove(name);
        assertNextUpgradeWorks();
    }

    /**
     * A byte for the thread of the link would need memory; the owner, which waits for that thread, must not
     * hang.
     */
    @Test
    void theLinkEndsWithoutWriting() throws Exception {
        os.fail("write fd 106", 0, Errno.ENOMEM);
        CompletableFuture<Long> upgrade = play();
        assertEquals(os.child().pid, Await.get(upgrade));
    }

    @Test
    void aChildThatCannotBeToldToGiveUpIsKilled() throws Exception {
        os.fail("write", 1, Errno.ENOMEM); // ABORT
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        parent.advance(Duration.ofSeconds(60));
        assertEquals(Reason.TIMED_OUT, parent.reason(upgrade));
        assertTrue(os.hasFailed());
        assertEquals(List.of("spawn " + child.pid, "kill " + child.pid + " 9"), os.calls());
        assertNextUpgradeWorks();
    }

    @Test
    void aChildThatCannotBeKilledIsTold() throws Exception {
        os.fail("kill", 0, Errno.EPERM);
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        parent.advance(Duration.ofSeconds(60));
        child.await(Message.ABORT);
        Await.until("hung up", child::parentHasHungUp);
        child.exit(1);
        assertEquals(Reason.TIMED_OUT, parent.reason(upgrade));
        assertTrue(parent.logs.has("kill process " + child.pid + ": Operation not permitted"), parent.logs::toString);
        assertNextUpgradeWorks();
    }

    /** A child that is taken for ended could not be killed any more. */
    @Test
    void aChildThatCannotBeWaitedForLivesOn() throws Exception {
        os.fail("waitid", 0, Errno.ENOMEM);
        CompletableFuture<Long> upgrade = life.upgrade();
        FakeChild child = parent.child();
        Await.until("logged", () -> parent.logs.has("waitid process " + child.pid + ": Cannot allocate memory"));
        parent.settle();
        assertFalse(upgrade.isDone());
        child.exit(3);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.CHILD_EXITED, failure.reason());
        assertEquals(OptionalInt.of(3), failure.exitStatus());
        assertNextUpgradeWorks();
    }

    @Test
    void anUnknownExitStatusIsSaidToBeUnknown() throws Exception {
        os.fail("waitpid", 0, Errno.ENOMEM);
        CompletableFuture<Long> upgrade = life.upgrade();
        parent.child().exit(3);
        UpgradeException failure = parent.failure(upgrade);
        assertEquals(Reason.CHILD_EXITED, failure.reason());
        assertEquals(OptionalInt.empty(), failure.exitStatus());
        assertTrue(failure.toString().contains("exit status unknown"), failure::toString);
    }

    @Test
    void anOwnerThatLendsTwiceLeavesNothingOpen() throws Exception {
        List<Integer> lent = new ArrayList<>();
        life.fds().add(FdName.file("twice"), use -> {
            for (int i = 0; i < 2; i++) {
                use.accept(50);
                lent.add(50);
            }
            return CompletableFuture.completedFuture(null);
        });
        os.fail("posix_spawn", 0, Errno.EAGAIN);
        assertEquals(Reason.SPAWN_FAILED, parent.reason(play()));
        assertTrue(lent.size() >= 2); // asked once more by what makes them close-on-exec, which may come later
        assertNextUpgradeWorks();
    }
}
