package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.link.Message;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code /proc} hides at the start costs upgrades, not the service. */
class StartupTest {
    @TempDir
    Path directory;

    private final Settings settings = new Settings();

    @Test
    void whereItIsKnownHowTheProcessWasStartedItCanBeUpgraded() {
        assertNotNull(Startup.launcher(settings, new ProcFs()));
        assertTrue(settings.whyNoUpgrades().isEmpty());
    }

    @Test
    void aProcessWithoutACommandLineServesWithoutUpgrades() throws IOException {
        FakeProc proc = new FakeProc(directory);
        assertNull(Startup.launcher(settings, proc.fs));
        String why = settings.whyNoUpgrades().orElseThrow();
        assertTrue(why.contains("NoSuchFileException: " + directory.resolve("self/cmdline")), why);

        Settings others = new Settings();
        proc.write("self/cmdline", "");
        assertNull(Startup.launcher(others, proc.fs));
        why = others.whyNoUpgrades().orElseThrow();
        assertTrue(why.contains("the command line of this process is empty"), why);
    }

    /** The program still has a directory: it is inherited. */
    @Test
    void aWorkingDirectoryWithoutANameCostsNothing() throws IOException {
        FakeProc proc = new FakeProc(directory);
        proc.write("self/cmdline", "java\0Main\0");
        assertNotNull(Startup.launcher(settings, proc.fs));
    }

    @Test
    void theParentOfAProcessThatCannotBeUpgradedIsTold() throws IOException {
        FakeProc proc = new FakeProc(directory);
        proc.fd(3, "pipe:[101]", "0100001");
        proc.fd(4, "pipe:[102]", "0100000");
        Path toParent = Files.createFile(directory.resolve("self/fd/pipe:[101]"));
        Files.createFile(directory.resolve("self/fd/pipe:[102]"));
        proc.write("self/environ", ParentLink.SENTINEL + "=yes\0" + ParentLink.LINK + "=2:77:101:102:7:5000\0");
        IllegalStateException failure =
                assertThrows(IllegalStateException.class, () -> Startup.refuseParent(proc.fs, "nobody knows"));
        assertTrue(failure.toString().endsWith("nobody knows"), failure::toString);
        byte[] sent = Files.readAllBytes(toParent);
        List<Message> messages = new Message.Decoder().decode(sent, sent.length);
        assertEquals(
                List.of(new Message(Message.FAILED, "no upgrades are possible in the new process: nobody knows")),
                messages);
    }
}
