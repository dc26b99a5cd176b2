package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.tableflip.core.os.TemporaryDisk;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A PID file that nobody can write, as in a container without a tmpfs: a real process, a real file system.
 */
@Tag("root")
class ReadOnlyDiskTest {
    @ParameterizedTest
    @ValueSource(strings = {"app.pid", "no/such/directory/app.pid"})
    void theServiceGoesOnWithoutUpgrades(String pidFile, @TempDir Path directory) throws Exception {
        try (TemporaryDisk disk = TemporaryDisk.mount(directory, "ro");
                Service service = new Service.Start()
                        .option("pid", disk.path().resolve(pidFile))
                        .go()) {
            long process = service.awaitPid(1, "ready$");
            service.await(
                    "the file system is read-only: PID file \\S+/app.pid cannot be written: open .* no upgrade will be"
                            + " possible");
            for (int i = 0; i < 2; i++) {
                service.hangUp(process);
            }
            service.await("upgrade: refused: the new process would fail too: PID file \\S+/app.pid cannot be written");
            assertFalse(service.has("status file"), service::toString);
            service.stop(process);
            assertEquals(0, service.exitStatus());
        }
    }
}
