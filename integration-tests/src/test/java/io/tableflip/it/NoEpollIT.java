package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A machine on which Netty's native library cannot be loaded. */
class NoEpollIT {
    static final String NO_NATIVE_LIBRARY = "-Dio.netty.transport.noNative=true";

    @TempDir
    Path directory;

    @Test
    void theSameProgramRunsWithoutUpgrades() throws IOException {
        try (Service service =
                Service.example(directory).jvmOptions(NO_NATIVE_LIBRARY).startAndAwait()) {
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":1"), service.log());
            long pid = service.pid();
            service.signal("HUP", pid);
            service.awaitLog("upgrade: refused: no upgrades here: Netty's epoll");
            assertEquals(pid, service.pid());
            assertTrue(Http.get(service.address(), "/").contains("\"pid\":" + pid), service.log());
            assertEquals(
                    2, service.log().split("no upgrades here, all else works: Netty's epoll", -1).length, "said once");
            service.signal("TERM", pid);
            service.awaitProcesses(0);
        }
    }
}
