package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.Os;
import io.tableflip.core.text.RawString;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LauncherTest {
    private final Path directory;
    private final FakeProc proc;

    LauncherTest(@TempDir Path temp) throws IOException {
        directory = temp;
        proc = new FakeProc(temp.resolve("proc"));
        started("java\0-jar\0app.jar\0\0", "HOME=/root\0");
        Files.createSymbolicLink(proc.root.resolve("self/exe"), Path.of("/opt/jdk/bin/java (deleted)"));
        workingDirectory(Files.createDirectory(temp.resolve("release-1")));
    }

    private void started(String commandLine, String environment) throws IOException {
        Files.write(proc.root.resolve("self/cmdline"), RawString.encode(commandLine));
        Files.write(proc.root.resolve("self/environ"), RawString.encode(environment));
    }

    private void workingDirectory(Path path) throws IOException {
        Files.deleteIfExists(proc.root.resolve("self/cwd"));
        Files.createSymbolicLink(proc.root.resolve("self/cwd"), path);
    }

    private Os.SpawnRequest request() throws IOException {
        Launcher launcher = new Launcher(proc.fs);
        return launcher.request(launcher.childCommand(), "2:1:2:3:4:5", Map.of(), List.of(8, 9));
    }

    private Path program(String name) throws IOException {
        return Files.createFile(
                directory.resolve(name),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
    }

    @Test
    void startsTheSameWithTheVariablesOfTheLink() throws IOException {
        started(
                "java\0-jar\0app.jar\0\0",
                "A=\uDCFF\0A=second\0no equals sign\0=odd\0_JPACKAGE_LAUNCHER=x\0TABLEFLIP_HAS_PARENT_7DIU3=old\0"
                        + "TABLEFLIP_LINK=old\0E=\0");
        Os.SpawnRequest request = request();
        assertEquals(List.of("java", "-jar", "app.jar", ""), request.arguments());
        assertEquals(
                List.of("A=\uDCFF", "E=", "TABLEFLIP_HAS_PARENT_7DIU3=yes", "TABLEFLIP_LINK=2:1:2:3:4:5"),
                request.environment());
        assertEquals(List.of(8, 9), request.fds());
    }

    @Test
    void theUserCannotForgeTheLink() throws IOException {
        Launcher launcher = new Launcher(proc.fs);
        ChildCommand forged = launcher.childCommand()
                .withVariable("TABLEFLIP_HAS_PARENT_7DIU3", "no")
                .withVariable("TABLEFLIP_LINK", "x");
        assertEquals(
                List.of("HOME=/root", "TABLEFLIP_HAS_PARENT_7DIU3=yes", "TABLEFLIP_LINK=y"),
                launcher.request(forged, "y", Map.of(), List.of()).environment());
    }

    @Test
    void aProgramWithASlashIsTakenAsItIs() throws IOException {
        started("/opt/current/bin/java\0Main\0", "PATH=/nowhere\0");
        assertEquals("/opt/current/bin/java", request().executable());
        started("./java\0", "");
        assertEquals("./java", request().executable());
    }

    @Test
    void aProgramIsLookedUpInPath() throws IOException {
        Path first = Files.createDirectories(directory.resolve("first/java")).getParent(); // a directory called java
        Path second = Files.createDirectory(directory.resolve("second"));
        Files.createFile(second.resolve("java")); // not executable
        Path third = Files.createDirectory(directory.resolve("third"));
        program("third/java");
        started("java\0", "PATH=/nowhere:\uDCFF:" + first + ":" + second + ":" + third + ":/x\0");
        assertEquals(third.resolve("java").toString(), request().executable());
    }

    @Test
    void whatThisProcessRunsServesIfPathHasNothing() throws IOException {
        started("java\0", "PATH=/nowhere\0");
        assertEquals("/opt/jdk/bin/java", request().executable());
        Launcher launcher = new Launcher(proc.fs);
        ChildCommand other = launcher.childCommand().withCommand("no-such-program");
        IOException failure = assertThrows(IOException.class, () -> launcher.request(other, "", Map.of(), List.of()));
        assertTrue(failure.toString().contains("no-such-program"), failure::toString);
    }

    @Test
    void thePathOfTheChildCounts() throws IOException {
        Path bin = Files.createDirectory(directory.resolve("bin"));
        program("bin/other");
        Launcher launcher = new Launcher(proc.fs);
        ChildCommand command =
                launcher.childCommand().withCommand("other").withEnvironment(Map.of("PATH", bin.toString()));
        assertEquals(
                bin.resolve("other").toString(),
                launcher.request(command, "", Map.of(), List.of()).executable());
    }

    @Test
    void theDirectoryIsTheOneThatTheUserNamed() throws IOException {
        Path current = Files.createSymbolicLink(directory.resolve("current"), directory.resolve("release-1"));
        started("java\0", "PWD=" + current + "\0");
        assertEquals(current.toString(), request().directory());
    }

    @Test
    void aWrongPwdIsNotBelieved() throws IOException {
        String physical = directory.resolve("release-1").toRealPath().toString();
        for (String pwd : List.of("PWD=/\0", "PWD=release-1\0", "PWD=/no/such/directory\0", "PWD=/\uDCFF\0", "")) {
            started("java\0", pwd);
            assertEquals(physical, request().directory(), pwd);
        }
    }

    @Test
    void aDirectoryThatIsGoneIsInherited() throws IOException {
        workingDirectory(Path.of(directory + "/release-0 (deleted)"));
        assertNull(request().directory());
    }

    @Test
    void aDirectoryThatWasRemovedLaterIsNamed() throws IOException {
        Path current = Files.createSymbolicLink(directory.resolve("current"), directory.resolve("release-1"));
        started("java\0", "PWD=" + current + "\0");
        Launcher launcher = new Launcher(proc.fs);
        Files.delete(directory.resolve("release-1"));
        IOException failure = assertThrows(
                IOException.class, () -> launcher.request(launcher.childCommand(), "", Map.of(), List.of()));
        assertEquals("the working directory " + current + " is gone", failure.getMessage());
    }

    @Test
    void theDirectoryOfTheStartIsRemembered() throws IOException {
        Path current = Files.createSymbolicLink(directory.resolve("current"), directory.resolve("release-1"));
        started("java\0", "PWD=" + current + "\0");
        Launcher launcher = new Launcher(proc.fs);
        Files.delete(current);
        Files.createSymbolicLink(current, Files.createDirectory(directory.resolve("release-2")));
        Files.delete(directory.resolve("release-1"));
        assertEquals(
                current.toString(),
                launcher.request(launcher.childCommand(), "", Map.of(), List.of())
                        .directory());
    }

    /** With what it saw first, it would begin elsewhere otherwise. */
    @Test
    void aStartScriptBeginsInTheDirectoryOfItsFirstStart() throws IOException {
        Path first = Files.createDirectory(directory.resolve("first"));
        String kept = Base64.getEncoder().encodeToString(RawString.encode("PWD=" + first + "\0A=\n\uDCFF\0"));
        started("java\0Main\0", "A=changed\0TABLEFLIP_START_ENVIRONMENT=" + kept + "\0");
        Launcher launcher = new Launcher(proc.fs);
        ChildCommand script = launcher.childCommand().withStartScript("/srv/start.sh");
        Os.SpawnRequest request = launcher.request(script, "2:1:2:3:4:5", Map.of(), List.of());
        assertEquals(first.toString(), request.directory());
        assertTrue(request.environment().contains("A=\n\uDCFF"), request::toString);
        assertTrue(request.environment().contains("TABLEFLIP_START_ENVIRONMENT=" + kept), request::toString);
        String own = directory.resolve("release-1").toRealPath().toString();
        assertEquals(own, request().directory());
        Files.delete(first);
        assertEquals(
                own,
                launcher.request(script, "2:1:2:3:4:5", Map.of(), List.of()).directory());
    }

    @Test
    void aRepeatedExecIsWarnedOf() throws IOException {
        Path server = Path.of(System.getProperty("java.home"), "lib/server");
        String libraries = "LD_LIBRARY_PATH=" + server + ":" + server.getParent() + ":/opt/lib:" + server + "\0";
        try (Logs logs = new Logs()) {
            started("java\0Main\0", libraries);
            new Launcher(proc.fs).lookAround();
            assertTrue(logs.has("since LD_LIBRARY_PATH has " + server + " in it"), logs::toString);
        }
        try (Logs logs = new Logs()) {
            started("java\0Main\0", libraries + "TABLEFLIP_START_ENVIRONMENT=\0"); // a script makes the command line
            new Launcher(proc.fs).lookAround();
            assertEquals(0, logs.count("WARNING"), logs::toString);
        }
    }
}
