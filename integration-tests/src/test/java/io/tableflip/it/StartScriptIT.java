package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that are started by a script, which is run again at each upgrade. */
@Tag("slow")
class StartScriptIT {
    @TempDir
    Path directory;

    @Test
    void theScriptIsRunAgainSoThatItsChangesCount() throws IOException {
        Path script = script("exec " + Service.java() + " -Dround=1 -jar " + Service.examplesJar() + " \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            assertTrue(commandLine(service.pid()).contains("-Dround=1"));
            script("exec " + Service.java() + " -Dround=2 -jar " + Service.examplesJar() + " \"$@\"");
            service.upgrade();
            assertTrue(commandLine(service.pid()).contains("-Dround=2"));
            service.upgrade();
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":3"));
        }
    }

    @Test
    void aScriptThatNamesTheProgramItself() throws IOException {
        Path script = script("exec " + Service.java() + " -jar " + Service.examplesJar() + " http \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            service.upgrade();
            service.upgrade();
            List<String> words = List.of(commandLine(service.pid()).split("\0", -1));
            assertEquals(2, words.stream().filter("http"::equals).count(), words.toString());
        }
    }

    @Test
    void aScriptThatDoesNotExecIsRefusedAndItsJvmEnds() throws IOException {
        Path script = script("exec " + Service.java() + " -jar " + Service.examplesJar() + " \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            long parent = service.pid();
            script(Service.java() + " -jar " + Service.examplesJar() + " \"$@\"");
            service.signal("HUP", parent);
            service.awaitMatch("upgrade: failed .*the start script must exec the JVM");
            service.awaitProcesses(1);
            assertEquals(parent, service.pid());
            assertTrue(Http.get(service.address(), "/").contains("\"pid\":" + parent));
            script("exec " + Service.java() + " -jar " + Service.examplesJar() + " \"$@\"");
            service.upgrade();
        }
    }

    /** It could serve nothing that it inherits. */
    @Test
    void aNewProcessWithoutEpollIsNoSuccessor() throws IOException {
        Path script = script("exec " + Service.java() + " -jar " + Service.examplesJar() + " \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            long parent = service.pid();
            script("exec " + Service.java() + " " + NoEpollIT.NO_NATIVE_LIBRARY + " -jar " + Service.examplesJar()
                    + " \"$@\"");
            service.signal("HUP", parent);
            service.awaitMatch(
                    "upgrade: failed .*no upgrades are possible in the new process: Netty's epoll transport");
            service.awaitProcesses(1);
            assertTrue(Http.get(service.address(), "/").contains("\"pid\":" + parent));
        }
    }

    /** Such a job has copies of all that the parent passed: both pipes and the listeners. */
    @Test
    void aJobThatTheScriptLeavesRunningHoldsUpNoUpgradeAndIsToldOf() throws IOException {
        String exec = "exec " + Service.java() + " -jar " + Service.examplesJar() + " \"$@\"";
        Path script = script(exec);
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            script("sleep 1000 >/dev/null 2>&1 &\n" + exec);
            for (int generation = 2; generation <= 3; generation++) {
                long old = service.pid();
                service.signal("HUP", old);
                service.awaitGone(old);
                assertTrue(Http.get(service.address(), "/").contains("\"generation\":" + generation));
            }
            List<Long> jobs = jobs(service);
            assertEquals(2, jobs.size(), service::log);
            for (long job : jobs) {
                assertTrue(Proc.descriptors(job).getOrDefault(5, "").startsWith("socket:"), "it has the listener");
                service.awaitLog("process " + job + ", which the start script has left running, holds the listeners");
            }
            InetSocketAddress address = service.address();
            long last = service.pid();
            service.signal("TERM", last);
            service.awaitGone(last);
            // a limit that is documented: the port stays open as long as somebody has the listener
            new Socket(address.getAddress(), address.getPort()).close();
            jobs.forEach(job -> service.signal("KILL", job));
            service.awaitProcesses(0);
            assertThrows(ConnectException.class, () -> new Socket(address.getAddress(), address.getPort()));
        }
    }

    private static List<Long> jobs(Service service) {
        long program = service.pid();
        return service.processes().stream().filter(pid -> pid != program).toList();
    }

    @Test
    void aJobThatTheScriptStartsWithoutTheDescriptorsKeepsNoPort() throws IOException {
        String exec = "exec " + Service.java() + " -jar " + Service.examplesJar() + " \"$@\"";
        Path script = script(exec);
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            script("sleep 1000 >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &\n" + exec);
            long old = service.pid();
            service.signal("HUP", old);
            service.awaitGone(old);
            service.awaitMatch("(?s)prepared for the next upgrade.*prepared for the next upgrade");
            assertFalse(service.log().contains("has left running"), service::log);
            InetSocketAddress address = service.address();
            long last = service.pid();
            service.signal("TERM", last);
            service.awaitGone(last);
            assertThrows(ConnectException.class, () -> new Socket(address.getAddress(), address.getPort()));
        }
    }

    private Path script(String lastLine) throws IOException {
        Path script = directory.resolve("start");
        Path next = directory.resolve("start.next");
        Files.writeString(next, "#!/bin/sh\nTABLEFLIP_LAUNCHER=$0\nexport TABLEFLIP_LAUNCHER\n" + lastLine + "\n");
        Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rwxr-xr-x"));
        return Files.move(next, script, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String commandLine(long pid) throws IOException {
        return Files.readString(Path.of("/proc/" + pid + "/cmdline"));
    }
}
