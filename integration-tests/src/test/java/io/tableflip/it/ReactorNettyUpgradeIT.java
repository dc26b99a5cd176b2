package io.tableflip.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Reactor Netty is upgraded under its own client: pooled and new connections, streamed answers that outlast a drain. */
@ResourceLock(FrameworkRun.LOAD)
@Tag("frameworks")
class ReactorNettyUpgradeIT {
    private static final String PACKAGE = "io.tableflip.examples.reactornetty.";

    @TempDir
    Path directory;

    @Test
    void noCallFails() throws IOException, InterruptedException {
        new FrameworkRun(directory, "reactor-netty", PACKAGE + "ReactorNettyExample", PACKAGE + "ReactorNettyClient")
                .noCallFails("pooled", "stream", "new");
    }
}
