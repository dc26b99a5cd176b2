package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class CallThreadsTest {
    private final CallThreads threads = new CallThreads("call-threads-test");

    @Test
    void oneThreadTakesWhatReturnsAtOnce() throws InterruptedException {
        int count = 5_000;
        List<Integer> order = new ArrayList<>();
        Set<Thread> seen = ConcurrentHashMap.newKeySet();
        CountDownLatch done = new CountDownLatch(count);
        for (int i = 0; i < count; i++) {
            int number = i;
            threads.execute(() -> {
                synchronized (order) {
                    order.add(number);
                }
                seen.add(Thread.currentThread());
                done.countDown();
            });
        }
        done.await();
        assertEquals(count, order.size());
        assertTrue(seen.size() < 100, () -> seen.size() + " threads"); // few, but a machine under load makes calls long
    }

    @Test
    void callsThatBlockHoldUpNobody() throws InterruptedException {
        CountDownLatch never = new CountDownLatch(1);
        CountDownLatch others = new CountDownLatch(100);
        try {
            IntStream.range(0, 100).forEach(i -> {
                if (i % 10 == 0) {
                    threads.execute(() -> await(never));
                }
                threads.execute(others::countDown);
            });
            assertTrue(others.await(20, TimeUnit.SECONDS));
        } finally {
            never.countDown();
        }
    }

    /** Who watches takes the next call, and is to be watched by one that had nothing to do. */
    @Test
    void callsThatBlockOneAfterTheOtherHoldUpNobody() throws Exception {
        leaveIdleThreads(3);
        CountDownLatch never = new CountDownLatch(1);
        CountDownLatch last = new CountDownLatch(1);
        try {
            threads.execute(() -> await(never));
            threads.execute(() -> await(never));
            threads.execute(last::countDown);
            assertTrue(last.await(20, TimeUnit.SECONDS));
        } finally {
            never.countDown();
        }
    }

    /** As at the limit of a container. */
    @Test
    void goesOnWhenThreadsCanBeStartedAgain() throws Exception {
        AtomicBoolean full = new AtomicBoolean(true);
        CallThreads limited = new CallThreads(task -> new Thread(task, "call-threads-test") {
            @Override
            public synchronized void start() {
                if (full.get()) {
                    throw new OutOfMemoryError("unable to create native thread, says the test");
                }
                super.start();
            }
        });
        AtomicBoolean refused = new AtomicBoolean();
        assertThrows(OutOfMemoryError.class, () -> limited.execute(() -> refused.set(true)));
        full.set(false);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(3);
        limited.execute(() -> {
            begun.countDown();
            await(go);
            done.countDown();
        });
        begun.await();
        full.set(true); // nobody can watch
        limited.execute(done::countDown);
        limited.execute(done::countDown);
        go.countDown();
        assertTrue(done.await(20, TimeUnit.SECONDS));
        assertFalse(refused.get());
    }

    private void leaveIdleThreads(int number) throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        Set<Thread> blocked = ConcurrentHashMap.newKeySet();
        for (int i = 0; i < number; i++) {
            CountDownLatch begun = new CountDownLatch(1);
            threads.execute(() -> {
                blocked.add(Thread.currentThread());
                begun.countDown();
                await(end);
            });
            begun.await();
        }
        assertEquals(number, blocked.size());
        end.countDown();
        Await.until("idle", () -> blocked.stream().allMatch(thread -> thread.getState() == Thread.State.TIMED_WAITING));
    }

    @Test
    void oneThatComesLaterIsNotHeldUpEither() throws InterruptedException {
        CountDownLatch never = new CountDownLatch(1);
        try {
            CountDownLatch blocks = new CountDownLatch(1);
            threads.execute(() -> {
                blocks.countDown();
                await(never);
            });
            blocks.await();
            CountDownLatch later = new CountDownLatch(1);
            threads.execute(later::countDown);
            assertTrue(later.await(20, TimeUnit.SECONDS));
        } finally {
            never.countDown();
        }
    }

    @Test
    void goesOnAfterACallThatThrowsOrIsLeftInterrupted() throws InterruptedException {
        CountDownLatch after = new CountDownLatch(1);
        threads.execute(() -> {
            throw new IllegalStateException("for the test");
        });
        threads.execute(() -> Thread.currentThread().interrupt());
        threads.execute(after::countDown);
        assertTrue(after.await(20, TimeUnit.SECONDS));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
