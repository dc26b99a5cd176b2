package io.tableflip.testsupport;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Waits for what must happen. */
public final class Await {
    /** Far more than anything takes on a busy machine: only a hang reaches it. */
    public static final Duration LIMIT = Duration.ofSeconds(60);

    private static final long SHORTEST_PAUSE = TimeUnit.MICROSECONDS.toNanos(100);
    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(5);
    private static final int PAUSES_FOR_A_LOOK = 3;
    private static final long LONGEST_PAUSE_FOR_A_LOOK = TimeUnit.MILLISECONDS.toNanos(200);

    private Await() {}

    /**
     * Something that becomes true without notice.
     *
     * @param <E> what a look at it may throw
     */
    @FunctionalInterface
    public interface Condition<E extends Exception> {
        boolean isTrue() throws E;
    }

    /** Waits for a condition. */
    public static <E extends Exception> void until(String what, Condition<E> condition) throws E {
        until(what, condition, () -> "");
    }

    /**
     * Waits for a condition.
     *
     * @param context what a failure is to show besides
     */
    public static <E extends Exception> void until(String what, Condition<E> condition, Supplier<String> context)
            throws E {
        long start = System.nanoTime();
        long look = start;
        while (!condition.isTrue()) {
            long now = System.nanoTime();
            long waited = now - start;
            if (waited > LIMIT.toNanos()) {
                fail("not within " + LIMIT + ": " + what + "\n" + context.get());
            }
            // a short wait ends soon; a long one, and one whose looks are costly, leave the processor to what
            // is waited for
            long pause = Math.max(
                    Math.min(SHORTEST_PAUSE + waited / 64, LONGEST_PAUSE),
                    Math.min(PAUSES_FOR_A_LOOK * (now - look), LONGEST_PAUSE_FOR_A_LOOK));
            LockSupport.parkNanos(pause);
            look = System.nanoTime();
        }
    }

    /** Waits for the value of a stage. */
    public static <T> T get(CompletionStage<T> stage) throws Exception {
        return stage.toCompletableFuture().get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Waits for the exception with which a stage completes. */
    public static Throwable failure(CompletionStage<?> stage) throws InterruptedException, TimeoutException {
        try {
            Object value = stage.toCompletableFuture().get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
            return fail("completed with " + value);
        } catch (ExecutionException e) {
            return requireNonNull(e.getCause());
        }
    }

    /** Waits for the next element of a queue. */
    public static <T> T next(String what, BlockingQueue<T> queue) throws InterruptedException {
        T next = queue.poll(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        return next == null ? fail("not within " + LIMIT + ": " + what) : next;
    }

    /** Holds the calling thread, which is one of the code under test, until the test opens the latch. For callbacks that may not throw. */
    public static void latch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
