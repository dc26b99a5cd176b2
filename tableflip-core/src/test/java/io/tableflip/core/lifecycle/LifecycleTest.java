package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.ExitReason;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.State;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A first generation: start, stop and end. */
class LifecycleTest {
    @TempDir
    Path directory;

    @Test
    void aFirstGenerationHasNoParent() throws Exception {
        try (ParentFixture first = new ParentFixture(directory)) {
            assertEquals(State.INITIALIZING, first.life.state());
            assertFalse(first.life.hasParent());
            assertTrue(first.life.isSupported());
            assertEquals(1, first.life.generation());
            Await.get(first.life.parentExited());
            first.settle();
            assertEquals(List.of(), first.participant.calls);
            first.serve();
            assertEquals(State.SERVING, first.life.state());
            first.participant.await("resume");
            assertEquals(Long.toString(ProcessHandle.current().pid()), Files.readString(first.pidFile));
            Await.get(first.life.ready());
            first.participant.await("resume");
        }
    }

    /** What unpacks the native code would leave a file in the temporary or the working directory. */
    @Test
    void theJvmDoesNotEndWhileNativeCodeIsLoaded() throws Exception {
        try (ParentFixture first = new ParentFixture(directory)) {
            CountDownLatch loading = new CountDownLatch(1);
            CountDownLatch go = new CountDownLatch(1);
            first.whenNativeCodeIsLoaded = () -> {
                loading.countDown();
                Await.latch(go);
            };
            first.serve();
            loading.await();
            Thread hook = new Thread(first.life.shutdown()::jvmEnds);
            hook.start();
            Await.until("the hook waits", () -> hook.getState() == Thread.State.TIMED_WAITING);
            go.countDown();
            hook.join();
        }
    }

    @Test
    void refusesToUpgradeBeforeItIsReady() throws Exception {
        try (ParentFixture first = new ParentFixture(directory)) {
            assertEquals(Reason.NOT_READY, first.reason(first.life.upgrade()));
            assertEquals(List.of(), first.os.calls());
        }
    }

    @Test
    void aStubRefusesToUpgradeAndDoesTheRest() throws Exception {
        try (ParentFixture stub = new ParentFixture(directory, Duration.ZERO, false).serve()) {
            assertFalse(stub.life.isSupported());
            assertEquals(Reason.NOT_SUPPORTED, stub.reason(stub.life.upgrade()));
            stub.life.stop();
            stub.participant.drained();
            Await.get(stub.life.exit());
        }
    }

    @Test
    void aStopDrainsAndRemovesThePidFile() throws Exception {
        try (ParentFixture first = ParentFixture.serving(directory)) {
            first.life.stop();
            first.life.close();
            first.participant.await("resume", "release", "drain");
            assertEquals(State.STOPPING, first.life.state());
            assertEquals(Reason.STOPPING, first.reason(first.life.upgrade()));
            assertEquals(Optional.empty(), first.life.awaitExit(Duration.ZERO));
            first.participant.drained();
            Await.get(first.life.exit());
            assertEquals(Optional.of(ExitReason.STOPPED), first.life.awaitExit(Duration.ZERO));
            assertEquals(ExitReason.STOPPED, first.life.awaitExit());
            assertFalse(Files.exists(first.pidFile));
            first.awaitEvents("draining", "drained");
        }
    }

    @Test
    void aDrainThatNeverEndsDoesNotKeepAStopFromEnding() throws Exception {
        try (ParentFixture first = ParentFixture.serving(directory)) {
            first.life.stop();
            first.participant.await("resume", "release", "drain");
            first.settle();
            first.advance(Duration.ofSeconds(35));
            Await.get(first.life.exit());
        }
    }

    @Test
    void theEndWaitsForWhoHasNotBeenToldAll() throws Exception {
        try (ParentFixture first = ParentFixture.serving(directory)) {
            CountDownLatch go = new CountDownLatch(1);
            first.whenDrained = () -> Await.latch(go);
            first.life.stop();
            first.participant.drained();
            first.await(State.EXITING);
            assertFalse(first.life.exit().isDone());
            assertEquals(Optional.empty(), first.life.awaitExit(Duration.ZERO));
            go.countDown();
            Await.get(first.life.exit());
            assertTrue(first.events.contains("drained"), first.events::toString);
        }
    }

    @Test
    void aListenerThatBlocksDoesNotKeepTheProcess() throws Exception {
        try (ParentFixture first = ParentFixture.serving(directory)) {
            CountDownLatch never = new CountDownLatch(1);
            first.whenDrained = () -> Await.latch(never);
            first.life.stop();
            first.participant.drained();
            first.await(State.EXITING);
            first.advance(Duration.ofSeconds(1));
            Await.get(first.life.exit());
            never.countDown();
        }
    }

    /** Nobody serves meanwhile. */
    @Test
    void aFirstGenerationDoesNotWarmUp() throws Exception {
        try (ParentFixture first = new ParentFixture(directory)) {
            Await.get(first.life.ready(
                    () -> {
                        throw new AssertionError("warmed up");
                    },
                    Duration.ofSeconds(1)));
            assertEquals(State.SERVING, first.life.state());
            assertFalse(first.logs.has("warm"), first.logs::toString);
        }
    }

    @Test
    void aStopBeforeItIsReadyMakesReadyFail() throws Exception {
        try (ParentFixture first = new ParentFixture(directory)) {
            first.life.stop();
            assertInstanceOf(IllegalStateException.class, Await.failure(first.life.ready()));
            first.participant.await("release", "drain");
            first.participant.drained();
            Await.get(first.life.exit());
            assertFalse(Files.exists(first.pidFile));
        }
    }

    @Test
    void aParticipantThatComesLateGetsInStep() throws Exception {
        try (ParentFixture first = ParentFixture.serving(directory)) {
            ParentFixture.Steps late = new ParentFixture.Steps();
            ParentFixture.Steps gone = new ParentFixture.Steps();
            first.life.register(late);
            first.life.register(gone);
            late.await("resume");
            gone.await("resume");
            first.life.unregister(gone);
            first.life.stop();
            late.await("resume", "release", "drain");
            assertEquals(List.of("resume"), gone.calls);
        }
    }

    @Test
    void aForgottenReadyIsTold() throws Exception {
        try (ParentFixture first = new ParentFixture(directory)) {
            first.settle();
            first.advance(Duration.ofSeconds(60));
            Await.until("told", () -> first.logs.has("ready() has not been called for 60 s"));
            first.serve();
        }
    }

    @Test
    void theExitDeadlineNamesTheThreadsThatKeepTheProcess() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Thread forgotten = new Thread(
                () -> {
                    try {
                        go.await();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                },
                "a-forgotten-loop");
        try (ParentFixture first = ParentFixture.serving(directory)) {
            forgotten.start();
            first.life.stop();
            first.participant.drained();
            // even if the program's own end hangs in a callback
            first.life.exit().thenRun(() -> first.life.exit().orTimeout(1, java.util.concurrent.TimeUnit.DAYS));
            Await.get(first.life.exit());
            first.settle();
            first.advance(Duration.ofSeconds(10));
            Await.until("told", () -> first.logs.has("a-forgotten-loop at "));
        } finally {
            go.countDown();
            forgotten.join();
        }
    }

    @Test
    void aJvmThatEndsWithoutAStopLeavesNoPidFile() throws Exception {
        try (ParentFixture first = ParentFixture.serving(directory)) {
            first.life.shutdown().jvmEnds();
            assertFalse(Files.exists(first.pidFile));
        }
    }

    /** What is free is looked at while the descriptors are lent: both are undone, and nothing was spawned. */
    @Test
    void anUpgradeThatMayNotFitIsRefusedBeforeTheSpawn() throws Exception {
        try (ParentFixture parent = new ParentFixture(directory, Duration.ZERO, true, ResourceCheck.REFUSE).serve()) {
            parent.childCommand(own -> own.withCommand("java", "-Xmx900t", "Main"));
            UpgradeException refusal = parent.failure(parent.life.upgrade());
            assertEquals(Reason.NOT_ENOUGH_RESOURCES, refusal.reason());
            assertTrue(String.valueOf(refusal.getMessage()).contains("by -Xmx"), refusal::toString);
            parent.await(State.SERVING);
            parent.awaitEvents("rolledBack NOT_ENOUGH_RESOURCES");
            parent.participant.await("resume");
            parent.assertNothingLeaked();
            assertNull(parent.os.last());
            parent.childCommand(own -> own.withCommand("java", "-Xmx1m", "Main"));
            var upgrade = parent.life.upgrade();
            parent.child().ready();
            assertTrue(Await.get(upgrade) > 0);
        }
    }

    /** This process on a machine that allows its user or its processes less. */
    private ProcFs withLimits(String processes, String files) throws IOException {
        FakeProc proc = FakeProc.ofThisProcess(directory.resolve("proc"));
        proc.write(
                "self/limits",
                "Limit                     Soft Limit           Hard Limit           Units     \n"
                        + "Max processes             " + processes + "        unlimited            processes \n"
                        + "Max open files            " + files + "            unlimited            files     \n");
        proc.write("self/uid_map", "0 1000 1\n"); // where a limit of processes applies to root, too
        return proc.fs;
    }

    @ParameterizedTest
    @CsvSource({
        "1, unlimited, and only 0 of the 1 (RLIMIT_NPROC) of user",
        "unlimited, 1, an upgrade may open 9 descriptors in this process"
    })
    void threadsAndDescriptorsThatMayNotSufficeAreAReasonToRefuse(String processes, String files, String message)
            throws Exception {
        ProcFs proc = withLimits(processes, files);
        try (ParentFixture parent = new ParentFixture(directory, ResourceCheck.REFUSE, proc).serve()) {
            UpgradeException refusal = parent.failure(parent.life.upgrade());
            assertEquals(Reason.NOT_ENOUGH_RESOURCES, refusal.reason());
            assertTrue(refusal.toString().contains(message), refusal::toString);
            parent.await(State.SERVING);
            parent.awaitEvents("rolledBack NOT_ENOUGH_RESOURCES");
            parent.participant.await("resume");
            parent.assertNothingLeaked();
            assertNull(parent.os.last());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, unlimited, and only 0 of the 1 (RLIMIT_NPROC) of user",
        "unlimited, 1, an upgrade may open 9 descriptors in this process"
    })
    void threadsAndDescriptorsThatMayNotSufficeAreWarnedOf(String processes, String files, String message)
            throws Exception {
        ProcFs proc = withLimits(processes, files);
        try (ParentFixture parent = new ParentFixture(directory, ResourceCheck.WARN, proc).serve()) {
            var upgrade = parent.life.upgrade();
            parent.child().ready();
            assertTrue(Await.get(upgrade) > 0);
            assertTrue(
                    parent.logs
                            .toString()
                            .lines()
                            .anyMatch(line -> line.startsWith("WARNING upgrade: ") && line.contains(message)),
                    parent.logs::toString);
        }
    }

    /**
     * A temporary directory that cannot be written to, for example. Whoever waits for the outcome, systemd or
     * ctl, hears of it.
     */
    @Test
    void withoutNativeCodeUpgradesAreRefused() throws Exception {
        try (ParentFixture first = new ParentFixture(directory)) {
            first.whenNativeCodeIsLoaded = () -> {
                throw new UnsatisfiedLinkError("no room");
            };
            first.serve();
            UpgradeException refusal = assertInstanceOf(UpgradeException.class, Await.failure(first.life.upgrade()));
            assertEquals(Reason.NOT_SUPPORTED, refusal.reason());
            assertTrue(String.valueOf(refusal.getMessage()).contains("java.io.tmpdir"), refusal::toString);
            assertEquals(State.SERVING, first.life.state());
            Await.until("told", () -> {
                ServiceStatus status = StatusFile.read(StatusFile.of(first.pidFile));
                return status != null && status.upgrades().toString().contains("no room");
            });
        }
    }
}
