package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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
