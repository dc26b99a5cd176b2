package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program that was started from a shell, in a terminal that {@code script} makes. */
@Tag("tools")
class TerminalIT {
    @TempDir
    Path directory;

    /** It used to upgrade, and the new process to keep the port. */
    @Test
    void aTerminalThatClosesStopsTheService() throws IOException {
        Path terminal = directory.resolve("terminal");
        Files.writeString(
                terminal,
                "#!/bin/sh\nexec script -q -c \"" + TestJvm.exampleCommand() + " $*; sleep 1000\" /dev/null\n");
        Files.setPosixFilePermissions(terminal, PosixFilePermissions.fromString("rwxr-xr-x"));
        try (Service service = Service.example(directory).script(terminal).startAndAwait()) {
            ProcessHandle jvm = ProcessHandle.of(service.pid()).orElseThrow();
            ProcessHandle shell = jvm.parent().orElseThrow();
            ProcessHandle script = shell.parent().orElseThrow();
            assertEquals(
                    "script",
                    Path.of(script.info().command().orElseThrow()).getFileName().toString());
            script.destroyForcibly();
            service.awaitProcesses(0);
            assertFalse(Files.exists(service.pidFile()), "stopped as by stop(), not killed");
        }
    }
}
