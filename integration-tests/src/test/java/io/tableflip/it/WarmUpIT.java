package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a new process does before it takes over. */
@Tag("slow")
class WarmUpIT {
    @TempDir
    Path directory;

    /** Through the pipeline of the server, and seen by nobody. */
    @Test
    void aNewProcessAnswersRequestsBeforeItHasClients() throws IOException {
        try (Service service =
                        Service.example(directory).arguments("--warm-up", "3s").startAndAwait();
                StrictLoad load = MixedLoad.builder(service.address())
                        .rate(200)
                        .connections(20)
                        .newShare(0.3)
                        .start()) {
            assertFalse(service.log().contains("warm"), "the first process has no time for that");
            for (int generation = 2; generation <= 3; generation++) {
                service.upgrade();
                service.awaitServing(generation);
            }
            LoadResult result = load.stop();
            assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + service.log());
            // whether the latency settles before that time is over depends on the machine
            String warmUp = "warm-up: [\\d,.]+ requests, the first took \\d+ µs(?s).*?";
            service.awaitMatch(warmUp + "generation 2 \\(pid \\d+\\) is serving.*?" + warmUp
                    + "generation 3 \\(pid \\d+\\) is serving");
        }
    }

    /** Where idle boot is not allowed, it boots as without. */
    @ParameterizedTest
    @ValueSource(strings = {"0s", "5s"})
    void aNewProcessMayBootInTheTimeThatNobodyElseWants(String idleBoot) throws IOException {
        try (Service service = Service.example(directory)
                        .arguments("--idle-boot", idleBoot, "--warm-up", "1s")
                        .startAndAwait();
                StrictLoad load = MixedLoad.builder(service.address())
                        .rate(500)
                        .connections(20)
                        .newShare(0.3)
                        .start()) {
            for (int generation = 2; generation <= 4; generation++) {
                service.upgrade();
                service.awaitServing(generation);
            }
            LoadResult result = load.stop();
            assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + service.log());
        }
    }

    /** Nobody serves then. */
    @Test
    void aWarmUpEndsWithTheParent() throws IOException {
        try (Service service =
                Service.testServer(directory).arguments("--endless-warm-up").startAndAwait()) {
            long parent = service.pid();
            service.signal("HUP", parent);
            service.awaitLog("warming up");
            assertTrue(Http.get(service.address(), "/").contains("\"pid\":" + parent));
            service.signal("KILL", parent);
            service.awaitServing(2);
            service.awaitLog("warm-up: the parent has exited");
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"), service::log);
            service.awaitOnly(service.pid());
        }
    }

    @Test
    void aStopDoesNotWaitForAWarmUp() throws IOException {
        try (Service service =
                Service.testServer(directory).arguments("--endless-warm-up").startAndAwait()) {
            service.signal("HUP", service.pid());
            service.awaitLog("warming up");
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
        }
    }
}
