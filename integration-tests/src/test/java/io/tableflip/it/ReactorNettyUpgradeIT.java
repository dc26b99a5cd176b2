package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Reactor Netty is upgraded under its own client: pooled and new connections, streamed answers that outlast a drain. */
@ResourceLock(FrameworkRun.LOAD)
@Tag("frameworks")
class ReactorNettyUpgradeIT {
    private static final String PACKAGE = "io.tableflip.examples.reactornetty.";

    private static final Predicate<String> TRANSFERRED_AND_DRAINED = Pattern.compile(
                    "drained: .* [1-9]\\d* transferred, .* 0 forced;.*[(]h2: .* finished, .* notified")
            .asPredicate();

    @TempDir
    Path directory;

    @Test
    void noCallFails() throws IOException, InterruptedException {
        run().noCallFails("pooled", "stream", "new");
    }

    /** HTTP/1.1 beside HTTP/2 in clear text, by prior knowledge and by an upgrade. */
    @Test
    void noCallOfHttp2InClearTextFails() throws IOException, InterruptedException {
        String log = run().with("H2C", "HTTP11")
                .noCallFails("pooled", "stream", "new", "prior", "priorStream", "upgrade", "upgradeStream");
        assertEquals(3, log.lines().filter(TRANSFERRED_AND_DRAINED).count(), log);
    }

    @Test
    void webSocketsAreToldToConnectAgain() throws IOException {
        run().webSocketsAreToldToConnectAgain();
    }

    private FrameworkRun run() {
        return new FrameworkRun(
                        directory, "reactor-netty", PACKAGE + "ReactorNettyExample", PACKAGE + "ReactorNettyClient")
                .keepingConnections();
    }
}
