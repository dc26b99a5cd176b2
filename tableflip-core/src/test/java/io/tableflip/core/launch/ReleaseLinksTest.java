package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.text.RawString;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Releases in directories of their own, a link to the one that runs, and a start script that has resolved the
 * link.
 */
class ReleaseLinksTest {
    private final Path directory;
    private final FakeProc proc;
    private final Path first;
    private final Path second;
    private final Path current;
    private final Path jar;
    private final Logs logs = new Logs();

    ReleaseLinksTest(@TempDir Path temp) throws IOException {
        directory = temp.toRealPath();
        proc = new FakeProc(directory.resolve("proc"));
        first = release("1");
        second = release("2");
        jar = first.resolve("lib/app.jar");
        current = Files.createSymbolicLink(directory.resolve("current"), Path.of("releases/1"));
    }

    @AfterEach
    void close() {
        logs.close();
    }

    private Path release(String name) throws IOException {
        Path release = directory.resolve("releases").resolve(name);
        Files.createDirectories(release.resolve("lib"));
        Files.createFile(release.resolve("lib/app.jar"));
        return release;
    }

    private void pointTo(Path release) throws IOException {
        Files.delete(current);
        Files.createSymbolicLink(current, release);
    }

    private void remove(Path release) throws IOException {
        Files.delete(release.resolve("lib/app.jar"));
        Files.delete(release.resolve("lib"));
        Files.delete(release);
    }

    /** A process that was started in this directory. */
    private Launcher started(Path in, String environment, String... command) throws IOException {
        proc.write("self/cmdline", "");
        Files.write(proc.root.resolve("self/cmdline"), RawString.encode(String.join("\0", command) + "\0"));
        Files.write(proc.root.resolve("self/environ"), RawString.encode(environment));
        Files.deleteIfExists(proc.root.resolve("self/cwd"));
        Files.createSymbolicLink(proc.root.resolve("self/cwd"), in.toRealPath());
        return new Launcher(proc.fs);
    }

    private Launcher startedThroughTheLink(String... command) throws IOException {
        return started(current, "PWD=" + current + "\0APP_HOME=" + first + "\0OLDPWD=" + first + "\0", command);
    }

    private Launcher startedElsewhere(String... command) throws IOException {
        Launcher launcher = started(directory, "PWD=" + directory + "\0", command);
        launcher.lookAround();
        return launcher;
    }

    private static List<String> warnings(Launcher launcher) throws IOException {
        return launcher.warnings(launcher.commandNow());
    }

    /** The next generation, with the variables that this one gives it. */
    private Launcher next(Launcher launcher) throws IOException {
        var request = launcher.request(launcher.commandNow(), "2:1:2:3:4:5", Map.of(), List.of());
        String environment = String.join("\0", request.environment()) + "\0";
        Launcher next = started(
                Path.of(String.valueOf(request.directory())),
                environment,
                request.arguments().toArray(String[]::new));
        next.lookAround();
        return next;
    }

    // ---- the link is known: the new release runs

    @Test
    void aLinkInTheWorkingDirectoryIsFollowedInTheCommandLine() throws IOException {
        Launcher launcher = startedThroughTheLink("java", "-Dx=" + first, "-cp", jar + ":" + first + "0/x", "Main");
        assertEquals(launcher.childCommand().toString(), launcher.commandNow().toString());
        assertEquals("", logs.toString());
        pointTo(second);
        ChildCommand command = launcher.commandNow();
        assertEquals(
                List.of("java", "-Dx=" + second, "-cp", second + "/lib/app.jar:" + first + "0/x", "Main"),
                command.command());
        assertEquals(
                Map.of("PWD", current.toString(), "APP_HOME", second.toString(), "OLDPWD", first.toString()),
                command.environment());
        assertTrue(
                logs.has("INFO upgrade: " + current + " leads to " + second
                        + " now: the new process runs that, in place of " + first),
                logs::toString);
        assertEquals(List.of(), launcher.warnings(command));
        remove(first);
        assertEquals(List.of(), warnings(launcher));
        Launcher next = next(launcher);
        assertEquals(command.toString(), next.commandNow().toString());
    }

    @Test
    void theLinkMayBeAboveTheWorkingDirectory() throws IOException {
        Path in = current.resolve("lib");
        Launcher launcher = started(in, "PWD=" + in + "\0", "java", "-jar", jar.toString());
        pointTo(second);
        assertEquals(
                "java -jar " + second + "/lib/app.jar", launcher.commandNow().toString());
    }

    /** There is nothing to say where nothing has such a path. */
    @Test
    void relativePathsFollowByThemselves() throws IOException {
        Launcher launcher = started(current, "PWD=" + current + "\0", "java", "-jar", "lib/app.jar");
        pointTo(second);
        assertEquals(List.of(), warnings(launcher));
        assertEquals("java -jar lib/app.jar", launcher.commandNow().toString());
        assertEquals(
                "",
                logs.toString()
                        .lines()
                        .filter(line -> line.startsWith("INFO"))
                        .findAny()
                        .orElse(""));
    }

    @Test
    void aLinkThatLeadsNowhereChangesNothing() throws IOException {
        Launcher launcher = startedThroughTheLink("java", "-jar", jar.toString());
        pointTo(directory.resolve("none"));
        assertEquals(launcher.childCommand().toString(), launcher.commandNow().toString());
    }

    /** As if a directory was mounted at two places. */
    @Test
    void anotherNameThatIsNoLinkChangesNothing() throws IOException {
        Launcher launcher = started(first, "PWD=" + first + "\0", "java", "-jar", jar.toString());
        assertEquals(launcher.childCommand().toString(), launcher.commandNow().toString());
    }

    @Test
    void aFileThatTheNewReleaseDoesNotHaveIsNamed() throws IOException {
        Files.createFile(first.resolve("lib/app-1.jar"));
        Launcher launcher = startedThroughTheLink("java", "-cp", first + "/lib/app-1.jar:" + first + "/none", "Main");
        launcher.lookAround();
        pointTo(second);
        List<String> warnings = warnings(launcher);
        assertEquals(1, warnings.size(), warnings::toString);
        assertTrue(
                warnings.get(0).startsWith("the new process does not find " + second + "/lib/app-1.jar: " + current),
                warnings::toString);
    }

    // ---- it is not known: a warning

    private static void assertWarns(Launcher launcher, Path link, Path old, Path now) throws IOException {
        List<String> warnings = warnings(launcher);
        assertEquals(1, warnings.size(), warnings::toString);
        String start = "the new process runs the old release: " + link + ", which led to " + old
                + " at the start, leads to " + now + " now. ";
        assertTrue(warnings.get(0).startsWith(start), warnings::toString);
    }

    @Test
    void aLinkBesideTheCommandLineIsNamedWhenItIsRePointed() throws IOException {
        Launcher launcher = startedElsewhere("java", "-cp", "x.jar:" + jar, "Main");
        assertEquals(List.of(), warnings(launcher));
        pointTo(second);
        assertWarns(launcher, current, first, second);
        assertTrue(
                warnings(launcher).get(0).contains("start it in " + current + " (cd " + current + "; "),
                warnings(launcher)::toString);
        assertEquals(launcher.childCommand().toString(), launcher.commandNow().toString());
    }

    /** It would find no link itself: there is none any more that leads to what it was started from. */
    @Test
    void theNextGenerationsWarnToo() throws IOException {
        Launcher launcher = startedElsewhere("java", "-jar", jar.toString());
        pointTo(second);
        Launcher next = next(next(launcher));
        assertWarns(next, current, first, second);
        assertEquals(null, next.childCommand().environment().get("TABLEFLIP_RELEASE_LINKS"));
        pointTo(first);
        assertEquals(List.of(), warnings(next));
    }

    @Test
    void aLinkBesideTheWorkingDirectoryIsNamed() throws IOException {
        Launcher launcher = started(current, "", "java", "-jar", "lib/app.jar");
        launcher.lookAround();
        pointTo(second);
        assertWarns(launcher, current, first, second);
    }

    @Test
    void aClassPathInTheEnvironmentCounts() throws IOException {
        Launcher launcher = started(directory, "CLASSPATH=" + jar + "\0PATH=" + first + "\0", "java", "Main");
        launcher.lookAround();
        pointTo(second);
        assertWarns(launcher, current, first, second);
    }

    @Test
    void aLinkToAFileIsToBeNamedInTheCommandLine() throws IOException {
        Path link = Files.createSymbolicLink(directory.resolve("app.jar"), jar);
        Launcher launcher = startedElsewhere("java", "-jar", jar.toString());
        Files.delete(link);
        Files.createSymbolicLink(link, second.resolve("lib/app.jar"));
        assertWarns(launcher, link, jar, second.resolve("lib/app.jar"));
        assertTrue(warnings(launcher).get(0).contains("Name " + link + " in the command line"));
    }

    @Test
    void whatGoesThroughTheLinkNeedsNoWarning() throws IOException {
        Launcher launcher = startedElsewhere("java", "-jar", current + "/lib/app.jar");
        pointTo(second);
        assertEquals(List.of(), warnings(launcher));
    }

    @Test
    void aScriptThatGoesThroughTheLinkNeedsNoWarning() throws IOException {
        Launcher launcher = startedElsewhere("java", "-jar", jar.toString());
        pointTo(second);
        assertEquals(List.of(), launcher.warnings(launcher.commandNow().withStartScript(current + "/bin/app")));
        ChildCommand physical = launcher.commandNow().withStartScript(first + "/bin/app");
        assertEquals(1, launcher.warnings(physical).size());
    }

    @Test
    void theJdkIsNoRelease() throws IOException {
        Path java = Files.createFile(first.resolve("java"));
        Launcher launcher = startedElsewhere(java.toString(), "Main");
        pointTo(second);
        assertEquals(List.of(), warnings(launcher));
    }

    private static void assertGone(Launcher launcher, Path gone, String more) {
        IOException failure = assertThrows(IOException.class, () -> warnings(launcher));
        assertTrue(
                failure.toString().startsWith("java.io.IOException: " + gone + " is gone: " + more), failure::toString);
        assertTrue(failure.toString().contains("Stop the service and start it in"), failure::toString);
    }

    @Test
    void aReleaseThatIsGoneIsNamedWithTheLink() throws IOException {
        Launcher launcher = startedElsewhere("java", "-jar", jar.toString());
        pointTo(second);
        Files.delete(jar);
        assertGone(launcher, jar, current + ", which led to " + first + " at the start, leads to " + second + " now");
        Files.createFile(jar);
        remove(first);
        assertGone(launcher, first, current + ", which led to ");
        Files.delete(current);
        assertGone(launcher, first, current + ", which led to " + first + " at the start, leads nowhere now");
    }

    @Test
    void whatNeverExistedMayBeMissing() throws IOException {
        Launcher launcher = startedElsewhere("java", "-cp", first + "/lib/*", "Main");
        pointTo(second);
        assertWarns(launcher, current, first, second);
    }

    /** A directory may have millions of entries, and the environment of a child has a limit. */
    @Test
    void notAllLinksAreRemembered() throws IOException {
        Path crowd = Files.createDirectory(directory.resolve("crowd"));
        Path release = Files.createDirectory(crowd.resolve("release"));
        for (int i = 0; i < 300; i++) {
            Files.createSymbolicLink(crowd.resolve("x".repeat(200) + i), release);
        }
        Launcher launcher = startedElsewhere("java", "-jar", release + "/app.jar");
        Files.delete(release);
        assertThrows(IOException.class, () -> warnings(launcher));
        String variable =
                launcher.request(launcher.childCommand(), "2:1:2:3:4:5", Map.of(), List.of()).environment().stream()
                        .filter(one -> one.startsWith("TABLEFLIP_RELEASE_LINKS="))
                        .findFirst()
                        .orElseThrow();
        assertTrue(variable.length() > 10_000 && variable.length() < 30_000, () -> variable.length() + " characters");
    }
}
