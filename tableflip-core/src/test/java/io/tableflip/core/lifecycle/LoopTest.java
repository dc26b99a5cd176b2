package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Logs;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LoopTest {
    // close to the overflow, which nanoTime may be too
    private final TestClock now = new TestClock(Long.MAX_VALUE - 1000);
    private final Loop loop = new Loop(now);

    @AfterEach
    void close() {
        now.close();
    }

    private final List<String> events = new CopyOnWriteArrayList<>();

    private void advance(Duration time) {
        now.addAndGet(time.toNanos());
    }

    /** Runs once the loop has nothing else to do. */
    private <T> T onLoop(java.util.function.Supplier<T> task) throws Exception {
        return Await.get(CompletableFuture.supplyAsync(task, loop));
    }

    private Loop.Timer schedule(Duration delay, String event) throws Exception {
        return onLoop(() -> loop.schedule(delay, () -> events.add(event)));
    }

    @Test
    void timersRunInTheOrderOfTheirTimes() throws Exception {
        schedule(Duration.ofSeconds(3), "third");
        schedule(Duration.ofSeconds(1), "first");
        schedule(Duration.ofSeconds(2), "second");
        advance(Duration.ofMillis(1500));
        Await.until("first", () -> events.contains("first"));
        assertEquals(List.of("first"), events);
        advance(Duration.ofHours(1));
        Await.until("all", () -> events.size() == 3);
        assertEquals(List.of("first", "second", "third"), events);
    }

    @Test
    void aTimerForEverNeitherRunsNorHidesOthers() throws Exception {
        schedule(Duration.ofSeconds(1), "first");
        schedule(Duration.ofSeconds(3), "second");
        advance(Duration.ofMillis(500)); // later ones count from another start
        schedule(ChronoUnit.FOREVER.getDuration(), "for ever");
        schedule(Duration.ofSeconds(5), "third");
        advance(Duration.ofMillis(700));
        Await.until("first", () -> events.contains("first"));
        advance(Duration.ofSeconds(2));
        Await.until("second", () -> events.contains("second"));
        assertEquals(List.of("first", "second"), events);
    }

    @Test
    void aCancelledTimerDoesNotRun() throws Exception {
        Loop.Timer timer = schedule(Duration.ofSeconds(1), "cancelled");
        schedule(Duration.ofSeconds(2), "later");
        onLoop(() -> {
            timer.cancel();
            return null;
        });
        advance(Duration.ofSeconds(3));
        Await.until("later", () -> events.contains("later"));
        assertEquals(List.of("later"), events);
    }

    @Test
    void aTimerCancelledWhenItHasExpiredDoesNotRun() throws Exception {
        CompletableFuture<Void> over = new CompletableFuture<>();
        loop.execute(() -> {
            Loop.Timer timer = loop.schedule(Duration.ofSeconds(1), () -> events.add("cancelled"));
            loop.schedule(Duration.ofSeconds(2), () -> over.complete(null));
            advance(Duration.ofSeconds(3));
            loop.execute(timer::cancel);
        });
        Await.get(over);
        assertEquals(List.of(), events);
    }

    @Test
    void waitingTasksComeBeforeExpiredTimers() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        schedule(Duration.ofSeconds(1), "timer");
        loop.execute(() -> {
            try {
                go.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        advance(Duration.ofSeconds(2)); // while the loop is busy, as after a SIGSTOP
        loop.execute(() -> events.add("task"));
        loop.execute(() -> events.add("another"));
        go.countDown();
        Await.until("timer", () -> events.contains("timer"));
        assertEquals(List.of("task", "another", "timer"), events);
    }

    @Test
    void anExceptionIsLoggedAndTheLoopGoesOn() throws Exception {
        try (Logs logs = new Logs()) {
            loop.execute(() -> {
                throw new IllegalStateException("on purpose");
            });
            loop.execute(() -> {
                throw new AssertionError("an error too");
            });
            schedule(Duration.ZERO, "still here");
            Await.until("still here", () -> events.contains("still here"));
            assertTrue(logs.has("on purpose"), logs::toString);
            assertTrue(logs.has("an error too"), logs::toString);
        }
    }

    @Test
    void anInterruptDoesNotEndIt() throws Exception {
        Thread thread = onLoop(Thread::currentThread);
        thread.interrupt();
        assertSame(thread, onLoop(Thread::currentThread));
        assertTrue(thread.isDaemon());
    }

    @Test
    void theClockOfTheSystemMovesTimersToo() throws Exception {
        Loop real = new Loop(Loop.SYSTEM_CLOCK);
        CompletableFuture<Void> expired = new CompletableFuture<>();
        real.execute(() -> real.schedule(Duration.ofMillis(1), () -> expired.complete(null)));
        Await.get(expired);
        CompletableFuture<Void> never = new CompletableFuture<>();
        real.execute(() -> real.schedule(ChronoUnit.FOREVER.getDuration(), () -> never.complete(null)));
        Await.get(CompletableFuture.runAsync(() -> {}, real));
        assertFalse(never.isDone());
    }
}
