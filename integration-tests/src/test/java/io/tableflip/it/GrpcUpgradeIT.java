package io.tableflip.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** grpc-java is upgraded under its own client: unary calls, streams that outlast an upgrade, old and new channels. */
@ResourceLock(FrameworkRun.LOAD)
@Tag("frameworks")
class GrpcUpgradeIT {
    private static final String PACKAGE = "io.tableflip.examples.grpc.";

    @TempDir
    Path directory;

    @Test
    void noCallFails() throws IOException, InterruptedException {
        new FrameworkRun(directory, "grpc", PACKAGE + "GrpcExample", PACKAGE + "GrpcClient")
                .noCallFails("unary", "stream", "new");
    }
}
