package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.os.FakeProc;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SupervisorTest {
    private static final long PID = 1234;
    private static final long PARENT = 77;
    private static final String UNIT = "INVOCATION_ID";

    @TempDir
    Path directory;

    private FakeProc proc;

    @BeforeEach
    void processes() throws IOException {
        proc = new FakeProc(directory);
        child(PID, 500);
        parent("java");
    }

    private void child(long pid, long startTime) throws IOException {
        proc.write(pid + "/stat", pid + " (java) S 77" + " 0".repeat(15) + " 1 0 " + startTime + " 0 0");
    }

    private void parent(String name) throws IOException {
        proc.process(PARENT, name, 'S', 100);
        proc.write(PARENT + "/comm", name + "\n");
    }

    private Optional<String> find(Map<String, String> environment, boolean hasPidFile) {
        return Supervisor.find(proc.fs, environment, PID, hasPidFile);
    }

    private static void assertNames(String what, Optional<String> found) {
        assertTrue(found.orElse("").contains(what), found::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"java", "bash", "sh", "tmux: server", "runsvdir", "s6-svscan", "containerd-shim"})
    void anyOtherParentIsNotAsked(String parent) throws Exception {
        parent(parent);
        assertEquals(Optional.empty(), find(Map.of(), false));
    }

    @Test
    void processOneIsTheContainer() {
        assertNames("tableflip-launcher.sh", Supervisor.find(proc.fs, Map.of(), 1, true));
    }

    @ParameterizedTest
    @ValueSource(strings = {"tini", "tini-static", "dumb-init", "docker-init", "catatonit"})
    void anInitWaitsForItsFirstChild(String init) throws Exception {
        parent(init);
        child(99, 600); // adopted since then
        assertNames(init + " (process 77)", find(Map.of(), true));
        assertNames("tableflip-launcher.sh", find(Map.of(), true));
        child(98, 400);
        assertEquals(Optional.empty(), find(Map.of(), true), "it was adopted: the init waits for another");
    }

    @ParameterizedTest
    @CsvSource({
        "supervisord, /usr/bin/python3 /usr/bin/supervisord -n, true",
        "python3, python3 -m supervisor.supervisord -n, true",
        "python3, python3 /srv/start.py, false", // a program of supervisord's that has started this one
    })
    void supervisordWaitsForItsPrograms(String name, String command, boolean waits) throws Exception {
        parent(name);
        proc.write(PARENT + "/cmdline", command.replace(' ', '\0') + "\0");
        Optional<String> found = find(Map.of("SUPERVISOR_ENABLED", "1"), true);
        if (waits) {
            assertNames("supervisord (process 77)", found);
        } else {
            assertEquals(Optional.empty(), found);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"runsv", "s6-supervise"})
    void aSupervisorOfOneServiceWaitsForIt(String supervisor) throws Exception {
        parent(supervisor);
        assertNames(supervisor + " (process 77)", find(Map.of(), true));
        assertNames("tableflip-launcher.sh", find(Map.of(), true));
    }

    @ParameterizedTest
    @CsvSource({
        "systemd, '', true", // before version 248
        "java, '', false", // a start script, or a shell that a desktop has started in a unit
        "java, 1234, true",
        "systemd, 1233, false",
    })
    void systemdWaitsForTheMainProcessOfAUnit(String parent, String main, boolean waits) throws Exception {
        parent(parent);
        Map<String, String> environment =
                main.isEmpty() ? Map.of(UNIT, "x") : Map.of(UNIT, "x", "SYSTEMD_EXEC_PID", main);
        if (waits) {
            assertNames("PIDFile=", find(environment, false));
        } else {
            assertEquals(Optional.empty(), find(environment, false));
        }
        assertEquals(Optional.empty(), find(environment, true), "it follows the PID file");
    }

    @Test
    void aUnitThatIsNotifiedFollowsTheService() throws Exception {
        parent("systemd");
        assertEquals(Optional.empty(), find(Map.of(UNIT, "x", "NOTIFY_SOCKET", "/run/x"), false));
    }
}
