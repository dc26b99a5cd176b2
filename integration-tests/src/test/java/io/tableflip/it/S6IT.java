package io.tableflip.it;

import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Tag;

/** The {@code run} script of docs/supervisors.md under s6-supervise. */
@Tag("tools")
class S6IT extends SupervisedCases {
    @Override
    String supervisor() {
        return "s6-supervise";
    }

    @Override
    Service start(boolean withLauncher) throws IOException {
        Path supervise = Tools.find("s6-supervise");
        Tools.assumeInstalled("s6-svc");
        Path run = Files.createDirectory(serviceDirectory()).resolve("run");
        Files.writeString(run, documented("sh", "## s6", withLauncher));
        Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxr-xr-x"));
        return Service.command(
                        directory, supervise.toString(), serviceDirectory().toString())
                .start();
    }

    private Path serviceDirectory() {
        return directory.resolve("hello");
    }

    @Override
    long supervised() throws IOException {
        String pid = output("s6-svstat", "-o", "pid", serviceDirectory().toString());
        return Math.max(0, Long.parseLong(pid)); // -1 if there is none
    }

    @Override
    void hangUp() throws IOException {
        output("s6-svc", "-h", serviceDirectory().toString());
    }

    @Override
    void stop() throws IOException {
        output("s6-svc", "-wD", "-d", serviceDirectory().toString());
    }
}
