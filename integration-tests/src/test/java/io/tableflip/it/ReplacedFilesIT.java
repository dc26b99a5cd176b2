package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Upgrades as they are meant: what the next process is started from was replaced under the one that runs. */
@Tag("slow")
@Tag("jdk")
class ReplacedFilesIT {
    @TempDir
    Path directory;

    /** A JDK in the place of the one that runs, a newer one if this machine has it. */
    @Test
    void aJdkThatWasReplacedInPlaceIsTheOneThatRunsNext() throws Exception {
        Path own = Path.of(System.getProperty("java.home"));
        Path next = newerJdk(own);
        Path jdk = copy(own, "jdk");
        try (Service service = Service.testServer(directory)
                .launcher(jdk.resolve("bin/java").toString())
                .startAndAwait()) {
            service.awaitLog("prepared for the next upgrade");
            long old = service.pid();
            assertEquals(jdk.resolve("bin/java"), Proc.executable(old));
            copy(next, "jdk.next");
            Files.move(jdk, directory.resolve("jdk.old"));
            Files.move(directory.resolve("jdk.next"), jdk);
            assertEquals(directory.resolve("jdk.old/bin/java"), Proc.executable(old));
            service.upgrade();
            assertEquals(jdk.resolve("bin/java"), Proc.executable(service.pid()));
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
            service.awaitMatch("(?s)listening on .*listening on \\S+, Java " + major(next) + "\\D");
            service.awaitMatch("(?s)prepared for the next upgrade.*prepared for the next upgrade");
        }
    }

    private Path copy(Path jdk, String name) throws Exception {
        Path copy = directory.toRealPath().resolve(name);
        // links instead of copies, where the file system allows it
        String command = "cp -al \"$1/.\" \"$2\" 2>/dev/null || cp -a \"$1/.\" \"$2\"";
        Files.createDirectory(copy);
        Commands.run("sh", "-c", command, "sh", jdk.toString(), copy.toString());
        return copy;
    }

    /** JUnit would warn of each link in it that leads elsewhere. */
    @AfterEach
    void removeCopies() throws Exception {
        for (String name : List.of("jdk", "jdk.next", "jdk.old")) {
            Commands.run("rm", "-rf", directory.resolve(name).toString());
        }
    }

    private static Path newerJdk(Path own) throws IOException {
        try (DirectoryStream<Path> jdks = Files.newDirectoryStream(own.resolveSibling("."))) {
            for (Path jdk : jdks) {
                if (Files.isExecutable(jdk.resolve("bin/java"))
                        && Files.exists(jdk.resolve("release"))
                        && major(jdk) > major(own)) {
                    return jdk;
                }
            }
        }
        return own;
    }

    private static int major(Path jdk) throws IOException {
        Properties release = new Properties();
        try (var in = Files.newInputStream(jdk.resolve("release"))) {
            release.load(in);
        }
        String version = release.getProperty("JAVA_VERSION", "").replace("\"", "");
        assumeTrue(version.matches("[0-9]+(\\..*)?"), "the release file of " + jdk + " names no version");
        return Integer.parseInt(version.replaceAll("\\..*", ""));
    }

    @Test
    void aJarThatWasRenamedIntoPlaceRunsNextAndIsNotWarnedOf() throws IOException {
        Path jar = Files.copy(Service.examplesJar(), directory.resolve("app.jar"));
        try (Service service = Service.example(directory, jar).startAndAwait()) {
            service.awaitLog("prepared for the next upgrade");
            Path next = Files.copy(Service.examplesJar(), directory.resolve("next.jar"));
            Object file = Files.getAttribute(next, "unix:ino");
            Files.move(next, jar, StandardCopyOption.ATOMIC_MOVE);
            assertEquals(file, Files.getAttribute(jar, "unix:ino"));
            long old = service.pid();
            service.upgrade();
            assertTrue(old != service.pid());
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
            assertTrue(
                    Proc.descriptors(service.pid())
                            .containsValue(jar.toRealPath().toString()),
                    "the new jar");
            assertFalse(service.log().contains("overwritten in place"), service::log);
        }
    }

    /** Old releases are removed too early, and the link is put right only then. */
    @Test
    void aReleaseThatIsGoneIsNamedAndTheNextOneRuns() throws IOException {
        Path first = release("release-1");
        Path current = Files.createSymbolicLink(directory.resolve("current"), first);
        String cd = "#!/bin/sh\ncd \"" + current + "\" && ";
        Path script = Files.writeString(
                directory.resolve("start"),
                cd + "exec " + Service.java() + " " + String.join(" ", TestJvm.options()) + " -jar " + current
                        + "/app.jar \"$@\"\n");
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        try (Service service = Service.example(directory).script(script).startAndAwait()) {
            service.awaitLog("prepared for the next upgrade");
            long old = service.pid();
            Files.delete(first.resolve("app.jar"));
            service.signal("HUP", old);
            service.awaitMatch("upgrade: failed .*the child ended before it was ready: exit status 1");
            Files.delete(first);
            service.signal("HUP", old);
            service.awaitMatch("upgrade: failed .*the working directory " + current + " is gone");
            assertEquals(old, service.pid());
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":1"));

            Path second = release("release-2");
            Files.delete(current);
            Files.createSymbolicLink(current, second);
            service.upgrade();
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
            assertEquals(second.toRealPath(), Files.readSymbolicLink(Path.of("/proc/" + service.pid() + "/cwd")));
        }
    }

    private Path release(String name) throws IOException {
        Path release = Files.createDirectory(directory.resolve(name));
        Files.copy(Service.examplesJar(), release.resolve("app.jar"));
        return release;
    }
}
