package io.tableflip.it;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The example on a JVM of the other platform: the native libraries of Netty and of jnr-posix for it are found and work. Under
 * emulation, so that it is slow; a process cannot be upgraded there, unless the kernel knows how to run that platform's programs.
 */
@Tag("aarch64")
class Aarch64IT {
    private static final String EMULATOR = "qemu-aarch64-static";

    @TempDir
    Path directory;

    @Test
    void theNativeLibrariesAreFound() throws IOException, InterruptedException {
        String tree = System.getProperty("aarch64.tree");
        assumeTrue(tree != null, "on request only: see integration-tests/src/test/aarch64/tree.sh");
        Tools.assumeInstalled(EMULATOR);
        Path java = Path.of(tree, "usr/lib/jvm/java-17-openjdk-arm64/bin/java");
        assertTrue(Files.isExecutable(java), () -> "not a tree made by tree.sh: there is no " + java);

        try (Service service = Service.example(directory)
                .launcher(EMULATOR, "-L", tree, java.toString())
                .startAndAwait()) {
            service.awaitLog("prepared for the next upgrade");
            assertFalse(service.log().contains("no upgrades here"), service.log());
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":1"), service.log());
            service.signal("TERM", service.pid());
            assertTrue(service.first().waitFor(Await.LIMIT.toSeconds(), SECONDS), service.log());
            assertEquals(0, service.first().exitValue(), service.log());
        }
    }
}
