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
        Path script = script("exec " + TestJvm.exampleCommand("-Dround=1") + " \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            assertTrue(commandLine(service.pid()).contains("-Dround=1"));
            script("exec " + TestJvm.exampleCommand("-Dround=2") + " \"$@\"");
            service.upgrade();
            assertTrue(commandLine(service.pid()).contains("-Dround=2"));
            service.upgrade();
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":3"));
        }
    }

    @Test
    void aScriptThatNamesTheProgramItself() throws IOException {
        Path script = script("exec " + TestJvm.exampleCommand() + " http \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            service.upgrade();
            service.upgrade();
            List<String> words = List.of(commandLine(service.pid()).split("\0", -1));
            assertEquals(2, words.stream().filter("http"::equals).count(), words.toString());
        }
    }

    @Test
    void aScriptThatDoesNotExecIsRefusedAndItsJvmEnds() throws IOException {
        Path script = script("exec " + TestJvm.exampleCommand() + " \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            long parent = service.pid();
            script(TestJvm.exampleCommand() + " \"$@\"");
            service.signal("HUP", parent);
            service.awaitMatch("upgrade: failed .*the start script must exec the JVM");
            service.awaitProcesses(1);
            assertEquals(parent, service.pid());
            assertTrue(Http.get(service.address(), "/").contains("\"pid\":" + parent));
            script("exec " + TestJvm.exampleCommand() + " \"$@\"");
            service.upgrade();
        }
    }

    /** It would pile up what it appends, and keep what it defaults. */
    @Test
    void theScriptSeesTheEnvironmentOfItsFirstStart() throws IOException {
        String keeps = Files.readAllLines(Service.projectFile("examples/bin/hello.sh")).stream()
                .filter(line -> line.startsWith("export TABLEFLIP_START_ENVIRONMENT"))
                .findFirst()
                .orElseThrow();
        String sets = keeps
                + "\nexport JDK_JAVA_OPTIONS=\"${JDK_JAVA_OPTIONS-} -Dx=1\"\nexport APP_OPTS=\"${APP_OPTS:--Dround=%d}\"\n"
                + "exec " + TestJvm.exampleCommand("$APP_OPTS") + " \"$@\"";
        Path script = script(String.format(sets, 1));
        try (Service service = Service.example(directory)
                .script(script)
                .environment("LINES", "a\nb=c\n")
                .startAndAwait()) {
            for (int round = 2; round <= 3; round++) {
                script(String.format(sets, round));
                service.upgrade();
                assertTrue(commandLine(service.pid()).contains("-Dround=" + round));
                String environment = "\0" + Files.readString(Path.of("/proc/" + service.pid() + "/environ"));
                assertTrue(environment.contains("\0JDK_JAVA_OPTIONS= -Dx=1\0"), environment);
                assertTrue(environment.contains("\0LINES=a\nb=c\n\0"), environment);
            }
        }
    }

    /** As those of Gradle do. The release has the name of its directory. */
    private Path releases() throws IOException {
        for (String name : List.of("1", "2")) {
            Path release = Files.createDirectories(directory.resolve("releases").resolve(name));
            Files.copy(Service.examplesJar(), release.resolve("app.jar"));
            Path script = Files.writeString(
                    release.resolve("start"),
                    "#!/bin/sh\nhome=$(cd -P \"$(dirname \"$0\")\" && pwd -P) || exit\nexec " + Service.java() + " "
                            + String.join(" ", TestJvm.options())
                            + " -cp \"$home/app.jar\" io.tableflip.examples.Main \"$@\"\n");
            Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return Files.createSymbolicLink(directory.resolve("current"), Path.of("releases/1"));
    }

    private void pointToTheSecond(Path current) throws IOException {
        Path next = Files.createSymbolicLink(directory.resolve("current.next"), Path.of("releases/2"));
        Files.move(next, current, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Test
    void aScriptThatResolvesLinksRunsTheNewReleaseIfItStartsInTheLink() throws IOException {
        Path current = releases();
        try (Service service = Service.example(directory)
                .script(current.resolve("start"))
                .under("sh", "-c", "cd \"$0\" && exec \"$@\"", current.toString())
                .startAndAwait()) {
            pointToTheSecond(current);
            service.upgrade();
            assertTrue(commandLine(service.pid()).contains("\0" + directory.toRealPath() + "/releases/2/app.jar\0"));
            service.awaitLog("current leads to " + directory.toRealPath() + "/releases/2 now");
            Files.delete(directory.resolve("releases/1/app.jar"));
            service.upgrade();
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":3"));
        }
    }

    @Test
    void aScriptThatResolvesLinksIsToldOfThem() throws IOException {
        Path current = releases();
        try (Service service =
                Service.example(directory).script(current.resolve("start")).startAndAwait()) {
            service.awaitLog("prepared for the next upgrade");
            pointToTheSecond(current);
            service.upgrade();
            Path releases = directory.toRealPath().resolve("releases");
            assertTrue(commandLine(service.pid()).contains("\0" + releases + "/1/app.jar\0"));
            String moved = "current, which led to " + releases + "/1 at the start, leads to " + releases + "/2 now";
            service.awaitMatch("upgrade: the new process runs the old release: \\S*" + moved);
            service.awaitMatch("pid " + service.pid() + "\\] prepared for the next upgrade"); // knows its jar
            Files.delete(releases.resolve("1/app.jar"));
            service.signal("HUP", service.pid());
            service.awaitMatch("upgrade: failed .* " + releases + "/1/app.jar is gone: \\S*" + moved);
            service.awaitOnly(service.pid());
        }
    }

    /** It could serve nothing that it inherits. */
    @Test
    void aNewProcessWithoutEpollIsNoSuccessor() throws IOException {
        Path script = script("exec " + TestJvm.exampleCommand() + " \"$@\"");
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            long parent = service.pid();
            script("exec " + TestJvm.exampleCommand(NoEpollIT.NO_NATIVE_LIBRARY) + " \"$@\"");
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
        String exec = "exec " + TestJvm.exampleCommand() + " \"$@\"";
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
        String exec = "exec " + TestJvm.exampleCommand() + " \"$@\"";
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
