package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.function.Supplier;

/** Clients of all kinds, impatient and patient ones, of which none may see an upgrade. */
final class MixedLoad {
    private MixedLoad() {}

    static StrictLoad start(InetSocketAddress address) throws IOException {
        return StrictLoad.builder()
                .target(address)
                .rate(200)
                .connections(20)
                .thinkTimes(Duration.ZERO, Duration.ofMillis(20), Duration.ofMillis(200), Duration.ofMillis(800))
                .slow(0.05, Duration.ofMillis(300))
                .timeout(Await.LIMIT)
                .start();
    }

    /** Ends it: no request has failed. */
    static void assertClean(StrictLoad load, Supplier<String> log) {
        LoadResult result = load.stop();
        assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + log.get());
    }
}
