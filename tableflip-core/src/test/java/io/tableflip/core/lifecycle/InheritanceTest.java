package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What one generation has from another: real processes. */
class InheritanceTest {
    @TempDir
    Path directory;

    @Tag("slow")
    @Test
    void argumentsAndEnvironmentSurviveTwoUpgrades() throws Exception {
        try (Service service = new Service.Start()
                .shell("RAW=$(printf 'caf\\351 \\377'); export RAW; exec \"$@\" \"$(printf 'x\\377\\376\\ny')\"")
                .arguments("", "a\nb", "-Dnot=an option", "@no-argfile", "y".repeat(5000))
                .go()) {
            service.upgrade(1);
            service.upgrade(2);
            for (String what : List.of("command", "environment")) {
                String first = service.await("g1 p\\d+ " + what + " (.*)").group(1);
                for (int generation = 2; generation <= 3; generation++) {
                    assertEquals(
                            first,
                            service.await("g" + generation + " p\\d+ " + what + " (.*)")
                                    .group(1));
                }
            }
            service.stop(service.awaitPid(3, "ready"));
        }
    }

    @Tag("slow")
    @Test
    void threeGenerationsWriteToTheSameFile() throws Exception {
        Path log = directory.resolve("log");
        Path extra = directory.resolve("extra");
        try (Service service = new Service.Start()
                .option("log", log)
                .option("extra", extra)
                .option("pid", directory.resolve("app.pid"))
                .jvm("-Djava.io.tmpdir=" + Files.createDirectory(directory.resolve("tmp")))
                .go()) {
            long first = service.awaitPid(1, "ready$");
            service.upgrade(1);
            long second = service.awaitPid(2, "ready$");
            assertEquals(first, service.pid(), "exec keeps the process id");
            Await.until(
                    "what was not claimed is closed",
                    () -> !Service.descriptors(second).contains(extra.toString()));
            Files.move(log, directory.resolve("log.1")); // the open file goes on to the next generation
            service.upgrade(2);
            long third = service.awaitPid(3, "ready$");
            assertTrue(Service.descriptors(third)
                    .contains(directory.resolve("log.1").toString()));
            assertEquals(
                    List.of("g1 p" + first, "g2 p" + second, "g3 p" + third),
                    Files.readAllLines(directory.resolve("log.1")));
            assertEquals(Long.toString(third), Files.readString(directory.resolve("app.pid")));
            service.stop(third);
            assertFalse(Files.exists(log));
            try (Stream<Path> left = Files.list(directory.resolve("tmp"))) {
                assertEquals(List.of(), left.toList(), "native code leaves no files behind");
            }
            assertFalse(Files.exists(directory.resolve("app.pid")));
        }
    }

    @Test
    void theChildSharesNothingButWhatWasPassed() throws Exception {
        Path log = directory.resolve("log");
        try (Service service = new Service.Start()
                .option("log", log)
                .option("serve", true)
                .option("hold2", directory.resolve("go"))
                .go()) {
            int port =
                    Integer.parseInt(service.await("g1 p\\d+ listens on (\\d+)").group(1));
            long first = service.awaitPid(1, "ready$");
            try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
                service.await("g1 p\\d+ accepted");
                service.hangUp(first);
                long second = service.awaitPid(2, "waits for hold2");
                Set<String> shared = new TreeSet<>(Service.descriptors(second));
                shared.retainAll(Service.descriptors(first));
                shared.removeIf(fd -> !fd.startsWith("pipe:") && !fd.startsWith("socket:") && !fd.startsWith("anon"));
                // only the output of both: of the pipes between them each has an end that the other has not
                shared.removeAll(Set.of(Files.readSymbolicLink(Path.of("/proc/" + first + "/fd/1"))
                        .toString()));
                assertTrue(shared.size() <= 2, "the two pipes between them: " + shared);
                assertTrue(shared.stream().allMatch(fd -> fd.startsWith("pipe:")), shared::toString);
                assertTrue(Service.descriptors(second).contains(log.toString()));
                Files.createFile(directory.resolve("go"));
                service.awaitPid(2, "parentExited");
                // had the child a copy, the client would wait for ever and the port would still accept
                client.setSoTimeout((int) Await.LIMIT.toMillis());
                assertEquals(-1, client.getInputStream().read());
                assertThrows(ConnectException.class, () -> new Socket(InetAddress.getLoopbackAddress(), port));
            }
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Tag("slow")
    @Test
    void thePathOfAnUnclaimedUnixListenerIsRemovedAfterTheCommit() throws Exception {
        Path socket = directory.resolve("app.sock");
        try (Service service = new Service.Start()
                .option("unix", socket)
                .option("hold2", directory.resolve("go"))
                .go()) {
            service.hangUp(service.awaitPid(1, "ready$"));
            service.await("g2 p\\d+ waits for hold2");
            assertTrue(Files.exists(socket));
            Files.createFile(directory.resolve("go"));
            Await.until("removed", () -> !Files.exists(socket, LinkOption.NOFOLLOW_LINKS));
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Tag("slow")
    @Test
    void aRepointedWorkingDirectoryIsFollowed() throws Exception {
        Path old = Files.createDirectory(directory.resolve("release-1"));
        Path current = Files.createSymbolicLink(directory.resolve("current"), old);
        try (Service service = new Service.Start()
                .shell("cd \"$CURRENT\" && exec \"$@\"")
                .variable("CURRENT", current.toString())
                .go()) {
            assertEquals(
                    old.toRealPath().toString(),
                    service.await("g1 p\\d+ directory (.*)").group(1));
            service.awaitPid(1, "ready$");
            Files.delete(current);
            Files.createSymbolicLink(current, Files.createDirectory(directory.resolve("release-2")));
            Files.delete(old);
            service.upgrade(1);
            assertEquals(
                    directory.resolve("release-2").toRealPath().toString(),
                    service.await("g2 p\\d+ directory (.*)").group(1));
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Tag("slow")
    @Test
    void aRepointedExecutableIsFollowed() throws Exception {
        Path real = Path.of(System.getProperty("java.home"), "bin", "java");
        Files.createDirectories(directory.resolve("jdk-1/bin"));
        Files.createSymbolicLink(directory.resolve("jdk-1/bin/java"), real);
        Path link = Files.createSymbolicLink(directory.resolve("jdk"), directory.resolve("jdk-1"));
        try (Service service =
                new Service.Start().java(link.resolve("bin/java")).go()) {
            service.awaitPid(1, "ready$");
            script("jdk-2/bin/java", "echo the new JDK; exec " + real + " \"$@\"");
            Files.delete(link);
            Files.createSymbolicLink(link, directory.resolve("jdk-2"));
            Files.delete(directory.resolve("jdk-1/bin/java"));
            service.upgrade(1);
            assertTrue(service.has("^the new JDK$"), service::toString);
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    private void script(String name, String body) throws IOException {
        Path script = directory.resolve(name);
        Files.createDirectories(script.resolve(".."));
        Files.createFile(script, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Files.writeString(script, "#!/bin/sh\n" + body + "\n");
    }

    @Tag("slow")
    @Test
    void theMarkOfAPackagedApplicationIsDropped() throws Exception {
        try (Service service =
                new Service.Start().variable("_JPACKAGE_LAUNCHER", "1").go()) {
            service.upgrade(1);
            assertEquals("true", service.await("g1 p\\d+ jpackage (.*)").group(1), service::toString);
            assertEquals("false", service.await("g2 p\\d+ jpackage (.*)").group(1));
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Test
    void theChildLoadsNoNativeCodeBeforeItTakesOver() throws Exception {
        try (Service service = new Service.Start()
                .jvm("-Xlog:class+load:file=" + directory + "/classes.%p")
                .option("readyAfter", 600_000)
                .option("drain", directory.resolve("go"))
                .go()) {
            service.hangUp(service.awaitPid(1, "ready$"));
            long child =
                    Long.parseLong(service.await("g1 p\\d+ childReady (\\d+)").group(1));
            // it waits for DRAINED now: all that its takeover needs is loaded
            Path classes = directory.resolve("classes." + child);
            String before = Files.readString(classes);
            assertTrue(before.contains("io.tableflip.core.link.ParentLink"), "the right log");
            assertFalse(before.contains("jnr.") || before.contains("com.kenai."), before);
            Files.createFile(directory.resolve("go"));
            Await.until(
                    "loaded for the next upgrade",
                    () -> Files.readString(classes).contains("com.kenai."));
            service.stop(service.awaitPid(2, "ready$"));
        }
    }
}
