package io.tableflip.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Vert.x is upgraded under its own client: pooled and new connections, streamed answers that outlast a drain. */
class VertxUpgradeIT {
    private static final String PACKAGE = "io.tableflip.examples.vertx.";

    @TempDir
    Path directory;

    @Test
    void noCallFails() throws IOException, InterruptedException {
        new FrameworkRun(directory, "vertx", PACKAGE + "VertxExample", PACKAGE + "VertxClient")
                .noCallFails("pooled", "stream", "new", "h2c", "h2c-stream", "upgraded", "upgraded-stream");
    }
}
