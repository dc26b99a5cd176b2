package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher as process 1, as in a container: with a process table of its own. */
@Tag("root")
@Tag("tools")
class LauncherProcessOneIT extends LauncherCases {
    @Override
    Service.Builder placed(Service.Builder service) {
        assumeTrue(isRoot(), "it takes root to have a process table of its own");
        return service.under("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--");
    }

    /** The launcher may signal it, but not look at it. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void theStatusOfAProcessOfAnotherUserIsUnknown(String shell) throws Exception {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
        Path program = Files.copy(Path.of(shellService()[0]), directory.resolve("service"));
        String[] asNobody = {"setpriv", "--reuid", "65534", "--", program.toString(), directory.toString()};
        Files.writeString(directory.resolve("end"), "0");
        try (Service service = placed(Service.command(directory, command(shell, asNobody))
                        .under("setpriv", "--bounding-set", "-sys_ptrace", "--"))
                .startAndAwait()) {
            upgradeTwice(service);
            launcher(service, "TERM");
            assertEquals(1, end(service), service::log);
            service.awaitLog("its status is unknown: its parent has collected it, it ran as another user");
        }
    }

    private static boolean isRoot() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
