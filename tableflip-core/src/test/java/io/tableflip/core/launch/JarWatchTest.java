package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JarWatchTest {
    private final Path directory;
    private final Path openFiles;
    private final Logs logs = new Logs();

    JarWatchTest(@TempDir Path directory) throws IOException {
        this.directory = directory.toRealPath();
        openFiles = Files.createDirectory(directory.resolve("fd"));
    }

    @AfterEach
    void close() {
        logs.close();
    }

    private Path jar(String name) throws IOException {
        Path jar = Files.writeString(directory.resolve(name), "old");
        Files.setLastModifiedTime(jar, FileTime.fromMillis(1_000_000));
        return jar;
    }

    private JarWatch watching(Object... classPath) {
        String joined = String.join(
                ":", List.of(classPath).stream().map(Object::toString).toList());
        JarWatch watch = new JarWatch(joined, openFiles);
        watch.remember(List.of());
        return watch;
    }

    private void assertWarns(JarWatch watch, Path jar) {
        watch.warn();
        assertTrue(logs.has("WARNING " + jar + " was overwritten in place"), logs::toString);
    }

    private void assertSilent(JarWatch watch) {
        watch.warn();
        assertEquals("", logs.toString());
    }

    @Test
    void aJarOfAnotherSizeIsNamed() throws IOException {
        Path jar = jar("app.jar");
        JarWatch watch = watching(jar);
        FileTime before = Files.getLastModifiedTime(jar);
        Files.writeString(jar, "new and longer");
        Files.setLastModifiedTime(jar, before);
        assertWarns(watch, jar);
    }

    @Test
    void aJarOfAnotherTimeIsNamed() throws IOException {
        Path jar = jar("app.jar");
        JarWatch watch = watching(jar);
        Files.writeString(jar, "new");
        assertWarns(watch, jar);
    }

    @Test
    void allAreNamedInOneWarning() throws IOException {
        Path a = jar("a.jar");
        Path b = jar("b\n.jar");
        JarWatch watch = watching(b, jar("c.jar"), a);
        Files.writeString(a, "new and longer");
        Files.writeString(b, "new and longer");
        watch.warn();
        assertTrue(logs.has(a + ", " + directory + "/b\\n.jar was overwritten"), logs::toString);
    }

    @Test
    void whatWasRenamedIntoPlaceHarmsNobody() throws IOException {
        Path jar = jar("app.jar");
        JarWatch watch = watching(jar);
        Files.move(jar("next.jar"), jar, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Files.writeString(jar, "new and longer");
        assertSilent(watch);
    }

    @Test
    void whatIsUntouchedOrGoneHarmsNobody() throws IOException {
        Path gone = jar("gone.jar");
        JarWatch watch = watching(jar("app.jar"), gone);
        Files.delete(gone);
        assertSilent(watch);
    }

    @Test
    void theJarBehindALinkIsWatched() throws IOException {
        Path old = Files.createDirectory(directory.resolve("release-1"));
        Path jar = jar("release-1/app.jar");
        Path current = Files.createSymbolicLink(directory.resolve("current"), old);
        JarWatch watch = watching(current.resolve("app.jar"));
        Files.delete(current);
        Files.createDirectory(directory.resolve("release-2"));
        jar("release-2/app.jar");
        Files.createSymbolicLink(current, directory.resolve("release-2"));
        assertSilent(watch); // a release of its own
        Files.writeString(jar, "new and longer");
        assertWarns(watch, jar);
    }

    @Test
    void jarsThatAreOpenAreWatchedTooAndOtherFilesAreNot() throws IOException {
        Path jar = jar("from-a-manifest.jar");
        Path log = jar("log");
        Files.createSymbolicLink(openFiles.resolve("7"), jar);
        Files.createSymbolicLink(openFiles.resolve("8"), log);
        Files.createSymbolicLink(openFiles.resolve("9"), Path.of(directory + "/old.jar (deleted)"));
        JarWatch watch = watching("");
        Files.writeString(log, "written to");
        assertSilent(watch);
        Files.writeString(jar, "new and longer");
        assertWarns(watch, jar);
    }

    @Test
    void theOriginOfAClassIsWatched() throws IOException {
        JarWatch watch = new JarWatch("", openFiles);
        watch.remember(List.of(Test.class, String.class, JarWatch.class)); // from a jar, from the JDK, from a directory
        assertSilent(watch);
    }

    @Test
    void whateverStandsOnTheClassPathDoesNoHarm() throws IOException {
        Files.createSymbolicLink(directory.resolve("loop.jar"), directory.resolve("loop.jar"));
        JarWatch watch = watching(
                "",
                directory,
                "/no/such.jar",
                "lib/*",
                "a\0b.jar",
                "\udcff.jar",
                directory.resolve("loop.jar"),
                "jar:file:/x!/y");
        assertTrue(logs.toString().lines().allMatch(line -> line.startsWith("FINE ")), logs::toString);
        watch.warn();
        new JarWatch("", directory.resolve("nowhere")).remember(List.of());
        assertTrue(logs.toString().lines().allMatch(line -> line.startsWith("FINE ")), logs::toString);
    }
}
