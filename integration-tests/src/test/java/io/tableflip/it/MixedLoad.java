package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.function.Supplier;

/** The strict load of the tests. It forgives nothing but time: on a busy machine it sends less and waits as long as it takes. */
final class MixedLoad {
    private static final int MAX_IN_FLIGHT = 50;

    private MixedLoad() {}

    static StrictLoad.Builder builder(InetSocketAddress address) {
        return StrictLoad.builder().target(address).maxInFlight(MAX_IN_FLIGHT).timeout(Await.LIMIT);
    }

    /** Clients of all kinds, impatient and patient ones, of which none may see an upgrade. */
    static StrictLoad start(InetSocketAddress address) throws IOException {
        return builder(address)
                .rate(200)
                .connections(20)
                .thinkTimes(Duration.ZERO, Duration.ofMillis(20), Duration.ofMillis(200), Duration.ofMillis(800))
                .slow(0.05, Duration.ofMillis(300))
                .start();
    }

    /** Ends it: no request has failed. */
    static void assertClean(StrictLoad load, Supplier<String> log) {
        LoadResult result = load.stop();
        assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + log.get());
    }
}
