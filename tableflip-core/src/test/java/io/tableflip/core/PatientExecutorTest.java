package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** At a limit of the system no thread can be started for a while. */
class PatientExecutorTest {
    private final AtomicBoolean limit = new AtomicBoolean(true);
    private final AtomicInteger refused = new AtomicInteger();
    private final TestClock now = new TestClock();
    private final Loop loop = new Loop(now);

    private final Logs logs = new Logs();

    @AfterEach
    void close() {
        now.close();
        logs.close();
    }

    private Thread thread(Runnable task) {
        if (limit.get()) { // where the thread is started there is no way in between
            refused.incrementAndGet();
            throw new OutOfMemoryError("unable to create native thread, says the test");
        }
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    }

    private void assertWaitsForAThread(Executor threads) throws Exception {
        CompletableFuture<String> ran = new CompletableFuture<>();
        new PatientExecutor(loop, threads)
                .execute(() -> ran.complete(Thread.currentThread().getName()));
        for (int tries = 2; tries < 5; tries++) {
            int expected = tries;
            Await.until("try " + tries, () -> {
                now.addAndGet(PatientExecutor.RETRY.toNanos());
                return refused.get() >= expected;
            });
        }
        assertFalse(ran.isDone());
        assertTrue(logs.has("no thread can be started"), logs::toString);
        limit.set(false);
        Await.until("a thread", () -> {
            now.addAndGet(PatientExecutor.RETRY.toNanos());
            return ran.isDone();
        });
        assertNotEquals("tableflip", Await.get(ran), "the thread of the loop");
    }

    @Test
    void aTaskInTheBackgroundWaits() throws Exception {
        assertWaitsForAThread(Executors.newCachedThreadPool(this::thread));
    }

    @Test
    void aCallOfAParticipantWaits() throws Exception {
        assertWaitsForAThread(new CallThreads(this::thread));
    }

    @Test
    void tasksKeepTheirOrderAndAreTriedOneAtATime() throws Exception {
        List<Integer> ran = new CopyOnWriteArrayList<>();
        PatientExecutor patient = new PatientExecutor(loop, Executors.newSingleThreadExecutor(this::thread));
        for (int i = 0; i < 100; i++) {
            int number = i;
            patient.execute(() -> ran.add(number));
        }
        assertEquals(1, refused.get());
        assertEquals(1, logs.count("no thread can be started"), logs::toString);
        limit.set(false);
        Await.until("all", () -> {
            now.addAndGet(PatientExecutor.RETRY.toNanos());
            return ran.size() == 100;
        });
        assertEquals(IntStream.range(0, 100).boxed().toList(), ran);
    }

    @Test
    void aWarmUpIsLeftOut() throws Exception {
        WarmUpRun run = new WarmUpRun(
                () -> {
                    throw new AssertionError("warms up");
                },
                task -> new Thread(task) {
                    @Override
                    public synchronized void start() {
                        throw new OutOfMemoryError("unable to create native thread, says the test");
                    }
                });
        Await.get(run.over());
        assertTrue(logs.has("going on without"), logs::toString);
        run.cut("nothing to cut");
    }

    /** In the order in which it has happened. */
    @Test
    void whoIsToldHearsItLater() throws Exception {
        List<String> heard = new CopyOnWriteArrayList<>();
        Observers observers = new Observers(
                new LifecycleListener() {},
                task -> loop.execute(() -> loop.schedule(PatientExecutor.RETRY, task)),
                this::thread);
        observers.add(new Observer() {
            @Override
            public void upgradeBegan() {
                heard.add("began");
            }

            @Override
            public void serving() {
                heard.add("serving");
            }
        });
        observers.tell(Observer::upgradeBegan);
        observers.tell(Observer::serving);
        CompletableFuture<Void> caughtUp = observers.caughtUp();
        assertFalse(caughtUp.isDone());
        limit.set(false);
        Await.until("told", () -> {
            now.addAndGet(PatientExecutor.RETRY.toNanos());
            return caughtUp.isDone();
        });
        assertEquals(List.of("began", "serving"), heard);
    }
}
