package io.tableflip.core.lifecycle;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class WorkersTest {
    private final Workers workers = new Workers("workers-of-a-test", 2);

    @Test
    void tasksThatBlockHoldUpNoOther() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch blocked = new CountDownLatch(10);
        try {
            for (int i = 0; i < 10; i++) {
                workers.execute(() -> {
                    blocked.countDown();
                    Await.latch(release);
                });
            }
            assertTrue(blocked.await(60, SECONDS));
        } finally {
            release.countDown();
        }
    }

    /** More than there can be threads. */
    @Test
    void allTasksRun() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch ran = new CountDownLatch(200);
        for (int i = 0; i < 200; i++) {
            workers.execute(() -> {
                Await.latch(release);
                ran.countDown();
            });
        }
        release.countDown();
        assertTrue(ran.await(60, SECONDS));
    }
}
