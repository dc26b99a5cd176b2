package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Commands;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A {@code java} that its user may execute and not read: the kernel hides such a process even from itself, as
 * it hides one whose program has capabilities.
 */
@Tag("root")
class UnreadableJavaIT {
    private static final String USER = "65534";

    @TempDir
    Path directory;

    private Path java;
    private Path jar;

    @BeforeEach
    void ofAnotherUser() throws Exception {
        boolean isRoot = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        assumeTrue(isRoot, "it takes root to start a program that its user may not read");
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
        Path own = Path.of(Service.java()).toRealPath();
        Path jdk = directory.resolve("jdk");
        java = Files.copy(own, Files.createDirectories(jdk.resolve("bin")).resolve("java"));
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwx--x--x"));
        for (String part : new String[] {"lib", "conf"}) {
            Files.createSymbolicLink(
                    jdk.resolve(part), own.resolveSibling("../" + part).normalize());
        }
        jar = Files.copy(Service.examplesJar(), directory.resolve("app.jar"));
    }

    /** JUnit would warn of each link that leads elsewhere. */
    @AfterEach
    void removeLinks() throws Exception {
        Commands.run("rm", "-rf", directory.resolve("jdk").toString());
    }

    private Service.Builder example() {
        return Service.example(directory, jar)
                .launcher(java.toString())
                .jvmOptions("-Djava.io.tmpdir=" + directory)
                .under("sh", "-c", "export BYTES=\"$(printf 'caf\\351')\" && exec \"$@\"", "sh") // no UTF-8
                // outside of the shell: what setpriv executes itself it executes with the rights of root
                .under("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--");
    }

    @Test
    void servesAndIsUpgraded() throws Exception {
        assertIsUpgraded(example());
    }

    /** Then it does not see its parent either. */
    @ParameterizedTest
    @ValueSource(strings = {"hidepid=2", "subset=pid"})
    void servesAndIsUpgradedWhereProcHidesOthers(String option) throws Exception {
        String mounts = "mount -t proc -o " + option + " proc /proc && exec \"$@\"";
        assertIsUpgraded(example().under("unshare", "--mount", "--", "sh", "-c", mounts, "sh"));
    }

    private static void assertIsUpgraded(Service.Builder builder) throws Exception {
        try (Service service = builder.startAndAwait()) {
            assertEquals(0, Files.getAttribute(environment(service), "unix:uid"), "the process is dumpable");
            for (int generation = 2; generation <= 3; generation++) {
                service.upgrade();
                assertTrue(Http.get(service.address(), "/").contains("\"generation\":" + generation));
            }
            String environment = Files.readString(environment(service), StandardCharsets.ISO_8859_1);
            assertTrue(environment.contains("\0BYTES=caf\u00e9\0"), environment);
        }
    }

    private static Path environment(Service service) {
        return Path.of("/proc/" + service.pid() + "/environ");
    }
}
