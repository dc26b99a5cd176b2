package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What becomes of a service whose supervisor, launcher or process ends. */
abstract class RestartedCases extends SupervisedCases {
    private static final int KILLED = 128 + 9;

    @Test
    void theEndOfTheSupervisorEndsTheWholeServiceGracefully() throws Exception {
        try (Service service = serving(true)) {
            upgrade(service);
            CompletableFuture<String> slow = slowRequest(service);
            service.signal("TERM", service.first().pid());
            assertTrue(slow.join().contains("\"generation\":2,"), service::log);
            assertTrue(service.first().waitFor(Await.LIMIT.toSeconds(), TimeUnit.SECONDS), service::log);
            service.awaitMatch("no process of the service is left, .* \\(status 0\\)");
            service.awaitProcesses(0);
        }
    }

    @Test
    void aServiceThatIsKilledIsStartedAgain() throws Exception {
        try (Service service = serving(true)) {
            long launcher = supervised();
            upgrade(service);
            service.signal("KILL", service.pid());
            awaitStartedAgain("\\(status " + KILLED + "\\)", service);
            assertNotEquals(launcher, supervised(), service::log);
            assertGeneration(1, service);
        }
    }

    /** The service used to go on, with the port that the next one needs, and nobody to stop it. */
    @Test
    void aLauncherThatIsKilledTakesTheServiceWithIt() throws Exception {
        try (Service service = serving(true)) {
            long launcher = supervised();
            upgrade(service);
            long pid = service.pid();
            service.signal("KILL", launcher);
            service.awaitGone(pid);
            awaitStartedAgain("generation 2", service);
            assertGeneration(1, service);
        }
    }
}
