package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A PID file for which there is no room: real processes, a real file system of two pages. */
class FullDiskTest {
    private static final String NO_ROOM = "PID file \\S+/app.pid cannot be written: "
            + "write \\S+/\\.app\\.pid\\.\\d+: No space left on device \\(errno 28\\)";

    private final TemporaryDisk mounted;
    private final Path disk;

    FullDiskTest(@TempDir Path directory) throws IOException {
        mounted = TemporaryDisk.mount(directory, "size=8k");
        disk = mounted.path();
    }

    @AfterEach
    void unmount() throws IOException {
        mounted.close();
    }

    private List<String> files() {
        return List.of(disk.toFile().list());
    }

    @Test
    void theChildSaysSoAndTheParentServesOn() throws Exception {
        Path pidFile = disk.resolve("app.pid");
        try (Service service = new Service.Start().option("pid", pidFile).go()) {
            long parent = service.awaitPid(1, "ready$");
            Path filler = Files.write(disk.resolve("filler"), new byte[4096]);
            service.hangUp(parent);
            service.await("g1 p\\d+ rolledBack CHILD_FAILED .*: " + NO_ROOM);
            service.await("g2 p\\d+ ready failed: java.io.IOException: " + NO_ROOM);
            assertFalse(service.has("g1 p\\d+ pause"), "nobody was asked to leave");
            assertFalse(service.has("g2 p\\d+ resume"), service::toString);
            assertEquals(Long.toString(parent), Files.readString(pidFile));
            Files.delete(filler);
            assertEquals(List.of("app.pid"), files());
            service.upgrade(1);
            long child = service.awaitPid(2, "ready$");
            assertEquals(Long.toString(child), Files.readString(pidFile));
            service.stop(child);
            assertEquals(List.of(), files());
        }
    }

    @Test
    void theFirstGenerationDoesNotGetReady() throws Exception {
        Files.write(disk.resolve("filler"), new byte[8192]);
        try (Service service =
                new Service.Start().option("pid", disk.resolve("app.pid")).go()) {
            service.await("g1 p\\d+ ready failed: java.io.IOException: " + NO_ROOM);
            service.await("this process did not get ready: " + NO_ROOM);
            assertEquals(1, service.exitStatus());
            service.awaitEnd();
            assertEquals(List.of("filler"), files());
        }
    }
}
