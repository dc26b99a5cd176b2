package io.tableflip.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Spring Boot WebFlux is upgraded under WebClient: pooled and new connections, streamed answers that outlast a drain. */
@ResourceLock(FrameworkRun.LOAD)
@Tag("frameworks")
class SpringWebFluxUpgradeIT {
    private static final String PACKAGE = "io.tableflip.examples.springwebflux.";

    @TempDir
    Path directory;

    @Test
    void noCallFails() throws IOException, InterruptedException {
        new FrameworkRun(directory, "spring-webflux", PACKAGE + "SpringWebFluxExample", PACKAGE + "SpringWebFluxClient")
                .keepingConnections()
                .noCallFails("pooled", "stream", "new");
    }
}
