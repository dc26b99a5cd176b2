package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The start script of the example with its class-data archives: AppCDS, and from JDK 25 on the AOT cache.
 * With the JDK of the tests.
 */
@Tag("slow")
@Tag("jdk")
class ArchiveIT {
    private static final String OPTIONS = String.join(" ", TestJvm.options());
    private static final String CONFIG = "io/tableflip/examples/Config.class";

    @TempDir
    Path directory;

    private Path jar;
    private Path cache;

    @BeforeEach
    void install() throws IOException {
        jar = directory.resolve("app.jar");
        replace("hello");
        cache = directory.resolve("cache");
    }

    /** A JVM may believe an archive of other classes than those that the jar has by now. */
    @Test
    void aJarThatWasReplacedNeverRunsOldCode() throws Exception {
        assertEquals(0, train(), this::trainings);
        try (Service service = example().startAndAwait()) {
            assertEquals("hello", greeting(service));
            assertTrue(isArchived(service.pid()), "the first process has its classes from the archive");
            upgrade(service);
            assertEquals("hello", greeting(service));
            assertTrue(isArchived(service.pid()), "and so has its child");

            replace("howdy");
            upgrade(service);
            assertEquals("howdy", greeting(service));
            assertFalse(isArchived(service.pid()), "there is no archive of this jar yet");

            assertEquals(0, train(), this::trainings);
            assertEquals(2, files().size(), () -> "one version alone: " + files());
            upgrade(service);
            assertEquals("howdy", greeting(service));
            assertTrue(isArchived(service.pid()), "it has one now");

            replace("salut");
            upgrade(service);
            assertEquals("salut", greeting(service));
        }
    }

    @Test
    void aBrokenArchiveKeepsNoServiceFromStarting() throws Exception {
        assertEquals(0, train(), this::trainings);
        Path archive = archive();
        byte[] whole = Files.readAllBytes(archive);
        byte[] half = Arrays.copyOf(whole, whole.length / 2); // at which a JVM 17 dies
        byte[] other = whole.clone();
        Arrays.fill(other, other.length / 2, other.length / 2 + 100_000, (byte) 0x55);
        for (byte[] content : List.of(new byte[0], half, other)) {
            Files.delete(archive); // the JVM makes it read-only
            Files.write(archive, content);
            try (Service service = example().startAndAwait()) {
                assertEquals("hello", greeting(service));
            }
        }
        assertEquals(0, train(), this::trainings);
        Path copy = cache.resolve(archive.getFileName().toString().replaceFirst("\\..*", ".jar"));
        Files.write(copy, Arrays.copyOf(Files.readAllBytes(copy), 4_000_000));
        try (Service service = example().startAndAwait()) {
            assertEquals("hello", greeting(service));
        }
    }

    @Test
    void withoutAPlaceForArchivesTheServiceStartsAllTheSame() throws Exception {
        cache = Files.createFile(directory.resolve("file")).resolve("cache");
        assertNotEquals(0, train());
        try (Service service = example().startAndAwait()) {
            upgrade(service);
            assertEquals("hello", greeting(service));
        }
    }

    @Test
    void twoTrainingsAtOnceDoNotDisturbEachOther() throws Exception {
        Process one = training("first.log");
        Process other = training("second.log");
        assertEquals(0, one.waitFor() + other.waitFor(), this::trainings);
        assertTrue(files().stream().noneMatch(name -> name.startsWith(".")), () -> "no leftovers: " + files());
        try (Service service = example().startAndAwait()) {
            assertTrue(isArchived(service.pid()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dash", "busybox"})
    void anyShellOfPosixWillDo(String shell) throws Exception {
        Tools.assumeInstalled(shell);
        String words = shell.equals("busybox") ? "busybox sh" : shell;
        String text = Files.readString(script()).replaceFirst("#!/bin/sh", "#!/usr/bin/env -S " + words);
        Path script = Files.writeString(directory.resolve("hello.sh"), text);
        assertTrue(script.toFile().setExecutable(true));
        assertEquals(0, training("train.log", script).waitFor(), this::trainings);
        try (Service service = example().script(script).startAndAwait()) {
            upgrade(service);
            assertTrue(isArchived(service.pid()));
        }
    }

    private static Path script() {
        return Service.projectFile("examples/bin/hello.sh");
    }

    private Service.Builder example() {
        return Service.example(directory)
                .script(script())
                .environment("JAVA", Service.java())
                .environment("HELLO_JAR", jar.toString())
                .environment("HELLO_CACHE", cache.toString())
                .environment("HELLO_OPTS", OPTIONS + " -Xlog:class+load:file=" + directory.resolve("classes-%p.log"));
    }

    private int train() throws Exception {
        return training("train.log").waitFor();
    }

    private Process training(String log) throws IOException {
        return training(log, script());
    }

    private Process training(String log, Path script) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder("env", "--default-signal=HUP,INT,TERM", script.toString(), "--train");
        builder.environment().put("JAVA", Service.java());
        builder.environment().put("HELLO_JAR", jar.toString());
        builder.environment().put("HELLO_CACHE", cache.toString());
        builder.environment().put("HELLO_OPTS", OPTIONS);
        return builder.redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(directory.resolve(log).toFile()))
                .start();
    }

    /** What the trainings have said. */
    private String trainings() {
        try (Stream<Path> logs = Files.list(directory)) {
            StringBuilder text = new StringBuilder();
            for (Path log : logs.filter(file ->
                            file.toString().endsWith(".log") && !file.toString().contains("classes-"))
                    .toList()) {
                text.append(Files.readString(log));
            }
            return text.toString();
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** The same program but for its answer, renamed into the place of the jar: of the same size and time, which is what a JVM looks at. */
    private void replace(String greeting) throws IOException {
        Path next = Files.copy(Service.examplesJar(), directory.resolve("next.jar"));
        try (FileSystem files = FileSystems.newFileSystem(next, Map.of("compressionMethod", "STORED"))) {
            Path type = files.getPath(CONFIG);
            String bytes = new String(Files.readAllBytes(type), StandardCharsets.ISO_8859_1);
            assertTrue(bytes.contains("\5hello"), "the constant, with its length");
            Files.write(type, bytes.replace("\5hello", "\5" + greeting).getBytes(StandardCharsets.ISO_8859_1));
        }
        Files.setLastModifiedTime(next, FileTime.fromMillis(1_000_000_000_000L));
        assertTrue(!Files.exists(jar) || Files.size(jar) == Files.size(next), "the same size");
        Files.move(next, jar, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void upgrade(Service service) {
        service.awaitMatch("prepared for the next upgrade");
        service.upgrade();
    }

    private static String greeting(Service service) throws IOException {
        String answer = Http.get(service.address(), "/");
        return answer.replaceAll("(?s).*\"greeting\":\"([^\"]*)\".*", "$1");
    }

    /** Whether this process has the class that answers from an archive. */
    private boolean isArchived(long pid) throws IOException {
        return Files.readString(directory.resolve("classes-" + pid + ".log"))
                .lines()
                .filter(line -> line.contains(" io.tableflip.examples.Config "))
                .findFirst()
                .orElseThrow()
                .contains("shared objects file");
    }

    private List<String> files() {
        try (Stream<Path> files = Files.list(cache)) {
            return files.map(file -> file.getFileName().toString()).toList();
        } catch (IOException e) {
            return List.of(e.toString());
        }
    }

    private Path archive() {
        return files().stream()
                .filter(name -> !name.endsWith(".jar"))
                .map(cache::resolve)
                .findFirst()
                .orElseThrow();
    }
}
