package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for conditions of other processes, which nobody announces. */
final class Await {
    /** Far more than anything takes on a busy machine; reached only when a test fails. */
    static final Duration LONG = Duration.ofSeconds(60);

    private static final Duration STEP = Duration.ofMillis(5);

    private Await() {}

    static void until(String what, BooleanSupplier condition) {
        until(what, condition, () -> "");
    }

    /** @param context what to say beside, should it not come true */
    static void until(String what, BooleanSupplier condition, Supplier<String> context) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > LONG.toNanos()) {
                fail("not within " + LONG + ": " + what + "\n" + context.get());
            }
            LockSupport.parkNanos(STEP.toNanos());
        }
    }
}
