package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.fail;

import io.netty.channel.Channel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for what has no future of its own. */
final class Await {
    private Await() {}

    static void until(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                fail("for 10 s: not " + what);
            }
            LockSupport.parkNanos(100_000);
        }
    }

    /** Comes back when the loop of the channel has looked at its sockets, and has run what that brought. */
    static void loopsOnce(Channel channel) throws InterruptedException {
        for (int round = 0; round < 3; round++) {
            channel.eventLoop().schedule(() -> {}, 1, TimeUnit.MILLISECONDS).sync();
        }
    }

    static void latch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
