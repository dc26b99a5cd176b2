package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The main promise, over several upgrades in a row, and that nothing is left of any of them. The default selection runs 4 upgrades, the
 * profile {@code full} 20, the profile {@code many-upgrades} 200.
 */
class LeaksIT {
    private static final int UPGRADES = Integer.getInteger("leaks.upgrades", 4);

    /** Far above the noise of a heap, and far below what a leak in each generation would make of many. */
    private static final double MORE_MEMORY = 1.5;

    @TempDir
    Path directory;

    @TempDir
    Path temporary;

    @Test
    void noRequestFailsAndNothingIsLeftOfManyUpgrades() throws IOException {
        try (Service service = Service.example(directory)
                        .jvmOptions("-Djava.io.tmpdir=" + temporary)
                        .arguments("--ready-after", "3s", "--warm-up", "0s", "--spread", "0s")
                        .startAndAwait();
                StrictLoad load = MixedLoad.builder(service.address())
                        .rate(300)
                        .connections(40)
                        .newShare(0.3)
                        .slow(0.02, Duration.ofMillis(300))
                        .stream(0.02, 5, Duration.ofMillis(50))
                        .start()) {
            service.upgrade();
            Footprint first = Footprint.of(service, directory, temporary);
            for (int i = 1; i < UPGRADES; i++) {
                service.upgrade();
                service.awaitOnly(service.pid());
            }
            Footprint last = Footprint.of(service, directory, temporary);
            LoadResult result = load.stop();
            System.out.println(UPGRADES + " upgrades: " + result.counts().failed() + " of "
                    + result.counts().requests() + " requests failed; after the first: " + first.text()
                    + "; after the last: " + last.text());
            assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + service.log());
            assertTrue(
                    result.counts().answered() > 40L * UPGRADES,
                    () -> result.counts().toString());
            assertEquals(first.counted(), last.counted());
            assertTrue(last.memory() < first.memory() * MORE_MEMORY, last::text);
        }
    }
}
