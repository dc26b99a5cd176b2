package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavaCommandTest {
    private static final String JAVA = System.getProperty("java.home") + "/bin/java";

    private static Os.SpawnRequest request(String executable, String... arguments) {
        List<String> environment = List.of("A=1=2", "TABLEFLIP_HAS_PARENT_7DIU3=yes", "TABLEFLIP_LINK=2:1:2:3:4:5");
        return new Os.SpawnRequest(executable, List.of(arguments), environment, "/", List.of(7, 8));
    }

    @Test
    void aRunThatEndsBeforeMain() {
        Os.SpawnRequest request =
                request(JAVA, "java", "-Xmx1g", "-XX:+AlwaysPreTouch", "-XX:StartFlightRecording:a=b", "Main", "x");
        assertEquals(
                new Os.SpawnRequest(
                        JAVA, List.of("java", "--dry-run", "-Xmx1g", "Main", "x"), List.of("A=1=2"), "/", List.of(), 9),
                JavaCommand.of(request).orElseThrow().dryRun(9));
    }

    /** A script that is called java might ignore the option. */
    @Test
    void onlyOfJavaItself(@TempDir Path directory) throws Exception {
        Path script = Files.writeString(directory.resolve("java"), "#!/bin/sh\nexec " + JAVA + " -Da=b \"$@\"\n");
        assertEquals(Optional.empty(), JavaCommand.of(request(script.toString(), "java", "Main")));
        assertEquals(Optional.empty(), JavaCommand.of(request("/bin/sh", "sh", "-c", "java Main")));
        assertTrue(JavaCommand.of(request("/unreadable/java", "java", "Main")).isPresent());
    }

    @Test
    void whatAProcessRuns() throws Exception {
        JavaCommand own =
                JavaCommand.running(new ProcFs(), ProcessHandle.current().pid()).orElseThrow();
        assertTrue(Files.isSameFile(Path.of(JAVA), Path.of(own.executable())));
        assertEquals(System.getenv("PATH"), own.command().environment().get("PATH"));
        assertTrue(Files.isSameFile(Path.of(""), Path.of(own.directory())));
        assertEquals(Optional.empty(), JavaCommand.running(new ProcFs(), 1L << 31));
    }
}
