package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.testsupport.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** As in the tests of a program. */
class StubTest {
    @TempDir
    Path directory;

    private static Upgrader.Builder stub() {
        return Upgrader.builder().withoutUpgrades("this is a test").stopOn("USR2");
    }

    @Test
    void doesAllButUpgrade() throws Exception {
        Path pidFile = directory.resolve("app.pid");
        List<String> calls = new CopyOnWriteArrayList<>();
        try (Upgrader stub = stub().pidFile(pidFile).buildOrStub()) {
            stub.register(new Participant() {
                @Override
                public CompletionStage<?> resume() {
                    calls.add("resume");
                    return CompletableFuture.completedFuture(null);
                }

                @Override
                public CompletionStage<?> release() {
                    calls.add("release");
                    return CompletableFuture.completedFuture(null);
                }
            });
            assertFalse(stub.isSupported());
            assertFalse(stub.hasParent());
            Await.get(stub.ready());
            assertEquals(State.SERVING, stub.state());
            assertEquals(
                    Long.toString(ProcessHandle.current().pid()),
                    Files.readString(pidFile).strip());
            UpgradeException refusal = assertInstanceOf(UpgradeException.class, Await.failure(stub.upgrade()));
            assertEquals(Reason.NOT_SUPPORTED, refusal.reason());
            assertTrue(refusal.toString().contains("this is a test"), refusal::toString);
            stub.stop();
            assertEquals(ExitReason.STOPPED, stub.awaitExit());
        }
        assertEquals(List.of("resume", "release"), calls);
        assertFalse(Files.exists(pidFile));
    }

    @Test
    void oneAfterTheOther() throws Exception {
        for (int i = 0; i < 3; i++) {
            try (Upgrader stub = stub().buildOrStub()) {
                Await.get(stub.ready());
                assertThrows(IllegalStateException.class, () -> stub().buildOrStub());
            }
        }
        Upgrader last = stub().buildOrStub();
        last.stop();
        last.awaitExit();
        Upgrader next = stub().buildOrStub();
        last.close(); // does not touch the one that has followed
        assertThrows(IllegalStateException.class, () -> stub().buildOrStub());
        next.close();
    }

    /** A JVM that was halted would end this test run. */
    @Test
    void leavesNothingBehindAndNeverHalts() throws Exception {
        Set<Thread> before = threads();
        Upgrader stub = stub().exitDeadline(Duration.ofMillis(1))
                .haltAtExitDeadline(true)
                .buildOrStub();
        Await.get(stub.ready());
        stub.close();
        stub.awaitExit();
        Await.until("all threads have ended", () -> before.containsAll(threads()));
        assertInstanceOf(UpgradeException.class, Await.failure(stub.upgrade()), "still answers");
        Await.until("all threads have ended again", () -> before.containsAll(threads()));
    }

    private static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("tableflip"))
                .collect(Collectors.toSet());
    }
}
