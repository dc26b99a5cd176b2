package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The {@code run} script of docs/supervisors.md under runit's runsv. */
@Tag("tools")
class RunitIT extends RestartedCases {
    private static final Pattern RUNS = Pattern.compile("^run: .*\\(pid (\\d+)\\)");

    @Override
    String supervisor() {
        return "runsv";
    }

    @Override
    Service start(boolean withLauncher) throws IOException {
        Path runsv = Tools.find("runsv");
        Tools.assumeInstalled("sv");
        Path run = Files.createDirectory(serviceDirectory()).resolve("run");
        Files.writeString(run, documented("sh", "## runit", withLauncher));
        Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxr-xr-x"));
        return Service.command(directory, runsv.toString(), serviceDirectory().toString())
                .start();
    }

    private Path serviceDirectory() {
        return directory.resolve("hello");
    }

    private String control(String... words) throws IOException {
        String[] command = new String[words.length + 2];
        command[0] = "sv";
        System.arraycopy(words, 0, command, 1, words.length);
        command[words.length + 1] = serviceDirectory().toString();
        return output(command);
    }

    @Override
    long supervised() throws IOException {
        Matcher runs = RUNS.matcher(control("status"));
        return runs.find() ? Long.parseLong(runs.group(1)) : 0;
    }

    @Override
    void hangUp() throws IOException {
        control("hup");
    }

    @Override
    void stop() throws IOException {
        control("-w", "60", "stop");
    }

    @Test
    void svTermStopsTheWholeServiceAndStartsItAgain() throws Exception {
        try (Service service = serving(true)) {
            long launcher = supervised();
            upgrade(service);
            long pid = service.pid();
            control("term");
            service.awaitGone(pid);
            awaitStartedAgain("\\(status 0\\)", service);
            assertNotEquals(launcher, supervised(), service::log);
        }
    }
}
