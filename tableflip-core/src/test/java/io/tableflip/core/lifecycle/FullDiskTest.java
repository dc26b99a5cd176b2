package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.fail;

import io.tableflip.core.os.TemporaryDisk;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A PID file for which there is no room: real processes, a real file system of four pages. */
@Tag("root")
class FullDiskTest {
    private static final String NO_ROOM = "PID file \\S+/app.pid cannot be written: "
            + "write \\S+/\\.app\\.pid\\.\\d+: No space left on device \\(errno 28\\)";

    private final TemporaryDisk mounted;
    private final Path disk;

    FullDiskTest(@TempDir Path directory) throws IOException {
        mounted = TemporaryDisk.mount(directory, "size=16k");
        disk = mounted.path();
    }

    @AfterEach
    void unmount() throws IOException {
        mounted.close();
    }

    private Set<String> files() {
        return Set.of(disk.toFile().list());
    }

    /** Takes all the room that is left. */
    private Path fill() throws IOException {
        Path filler = disk.resolve("filler");
        try (OutputStream file = Files.newOutputStream(filler)) {
            byte[] page = new byte[4096];
            for (int i = 0; i < 5; i++) {
                file.write(page);
            }
            fail("the disk is larger than it should be");
        } catch (IOException e) {
            assertEquals("No space left on device", e.getMessage());
        }
        return filler;
    }

    @Test
    void theChildSaysSoAndTheParentServesOn() throws Exception {
        Path pidFile = disk.resolve("app.pid");
        try (Service service = new Service.Start().option("pid", pidFile).go()) {
            long parent = service.awaitPid(1, "ready$");
            Await.until("the status file is there", () -> files().equals(Set.of("app.pid", "app.pid.status")));
            Path filler = fill();
            service.hangUp(parent);
            service.await("g1 p\\d+ rolledBack CHILD_FAILED .*: " + NO_ROOM);
            service.await("g2 p\\d+ ready failed: java.io.IOException: " + NO_ROOM);
            assertFalse(service.has("g1 p\\d+ pause"), "nobody was asked to leave");
            assertFalse(service.has("g2 p\\d+ resume"), service::toString);
            assertEquals(Long.toString(parent), Files.readString(pidFile));
            Files.delete(filler);
            Await.until("only those", () -> files().equals(Set.of("app.pid", "app.pid.status")));
            service.upgrade(1);
            long child = service.awaitPid(2, "ready$");
            assertEquals(Long.toString(child), Files.readString(pidFile));
            service.stop(child);
            assertEquals(Set.of(), files());
        }
    }

    @Test
    void theFirstGenerationDoesNotGetReady() throws Exception {
        fill();
        try (Service service =
                new Service.Start().option("pid", disk.resolve("app.pid")).go()) {
            service.await("g1 p\\d+ ready failed: java.io.IOException: " + NO_ROOM);
            service.await("this process did not get ready: " + NO_ROOM);
            assertEquals(1, service.exitStatus());
            service.awaitEnd();
            assertEquals(Set.of("filler"), files());
        }
    }
}
