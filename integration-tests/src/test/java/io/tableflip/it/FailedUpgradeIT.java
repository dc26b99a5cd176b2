package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Upgrades that fail leave the old process serving as if nothing had happened, and it says why. */
class FailedUpgradeIT {
    @TempDir
    Path directory;

    /** Where a file lets a request of {@link PlannedServer} go on. */
    @TempDir
    Path flags;

    private String untilGo() {
        return "/until?" + flags.resolve("go");
    }

    private void go() throws IOException {
        Files.createFile(flags.resolve("go"));
    }

    private void plan(String text) throws IOException {
        Files.writeString(directory.resolve("plan"), text);
    }

    /** Runs one upgrade that must fail, under load; then one that must succeed. */
    private void fails(Service service, String reason) throws IOException {
        fails(service, reason, () -> {
            plan("serve");
            service.upgrade();
        });
    }

    private interface Step {
        void run() throws IOException;
    }

    private void fails(Service service, String reason, Step next) throws IOException {
        long parent = service.pid();
        try (StrictLoad load = MixedLoad.builder(service.address())
                .rate(200)
                .connections(20)
                .newShare(0.3)
                .start()) {
            service.signal("HUP", parent);
            service.awaitMatch("upgrade: failed after \\S+ ms, this process serves on: .*" + reason);
            service.awaitOnly(parent);
            Await.until("no zombies", () -> Proc.zombies(parent).isEmpty(), service::log);
            assertEquals(parent, service.pid());
            service.awaitFiles("log", "plan", "service.pid", "service.pid.status");
            next.run();
            LoadResult result = load.stop();
            assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + service.log());
        }
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aChildThatCrashes() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            plan("crash");
            fails(service, "the plan says crash");
        }
    }

    @Tag("slow")
    @Test
    void aChildThatExitsWithoutBeingReady() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            plan("exit0");
            fails(service, "it exited before it was ready");
        }
    }

    @Tag("slow")
    @Test
    void aChildThatHangs() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--upgrade-timeout", "10000")
                .startAndAwait()) {
            plan("hang");
            fails(service, "the child was not ready within", () -> {}); // another upgrade may take longer than it has
        }
    }

    @Test
    void aChildThatCannotBindSaysSo() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait();
                ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            plan("bind " + taken.getLocalPort());
            fails(service, "bind 127.0.0.1:" + taken.getLocalPort() + ": Address already in use");
        }
    }

    /** The child cannot say so: it ends before its main. */
    @Tag("slow")
    @Test
    void aChildWhoseDebuggerFindsItsPortTaken() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait();
                ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String debugger =
                    "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:" + taken.getLocalPort();
            Path options = Files.writeString(directory.resolve("options"), debugger);
            long parent = service.pid();
            service.signal("HUP", parent);
            String reason = "the child ended before it was ready: exit status 2\\. .*Address already in use.*\\Q"
                    + debugger + "\\E;.*withoutJvmOptions";
            service.awaitMatch("upgrade: failed after \\S+ ms, this process serves on: " + reason);
            Path status = directory.resolve("service.pid.status");
            Await.until(
                    "the reason in the status file",
                    () -> Pattern.compile(reason)
                            .matcher(Files.readString(status))
                            .find(),
                    service::log);
            service.awaitOnly(parent);
            assertTrue(Http.get(service.address(), "/").contains("\"pid\":" + parent));
            Files.delete(options);
            service.upgrade();
        }
    }

    @Test
    void aChildThatIsKilledBetweenTakeoverAndReady() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            long parent = service.pid();
            CompletableFuture<String> slow = Http.start(service.address(), untilGo());
            service.signal("HUP", parent);
            service.awaitLog("accepts connections");
            long child = service.awaitSpawned();
            service.signal("KILL", child);
            service.awaitLog("upgrade: failed");
            assertFalse(slow.isDone(), "the parent was still draining");
            assertTrue(Http.get(service.address(), "/").contains("\"pid\":" + parent));
            go();
            assertTrue(slow.join().contains("\"pid\":" + parent));
            assertEquals(parent, service.pid());
            service.awaitOnly(parent);
            service.awaitFiles("log", "service.pid", "service.pid.status");
            service.upgrade();
        }
    }

    /** A client that was asked to leave before the rollback may; one that comes after it is asked nothing. */
    @Tag("slow")
    @Test
    void afterARollbackNobodyIsToldToLeave() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            long parent = service.pid();
            CompletableFuture<String> slow = Http.start(service.address(), untilGo());
            service.signal("HUP", parent);
            service.awaitLog("accepts connections");
            service.signal("KILL", service.awaitSpawned());
            service.awaitLog("upgrade: failed");
            go();
            assertFalse(Http.tellsToLeave(slow.join()));
        }
    }

    @Tag("slow")
    @Test
    void aParentThatIsKilledBeforeTheTakeover() throws IOException {
        Path config = fifo();
        try (Service service = Service.example(directory)
                .arguments("--config", directory.resolve("config").toString())
                .start()) {
            write(config, "greeting = one\n");
            service.awaitServing(1);
            long parent = service.pid();
            service.signal("HUP", parent);
            long child = service.awaitSpawned();
            service.signal("KILL", parent);
            service.awaitGone(parent);
            write(config, "greeting = two\n");
            service.awaitServing(2);
            assertEquals(child, service.pid());
            assertTrue(Http.get(service.address(), "/").contains("two"));
        }
    }

    @Test
    void aParentThatIsKilledAfterTheTakeover() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            long parent = service.pid();
            CompletableFuture<String> slow = Http.start(service.address(), untilGo());
            service.signal("HUP", parent);
            service.awaitLog("accepts connections");
            service.signal("KILL", parent);
            service.awaitServing(2);
            assertTrue(
                    slow.handle((answer, failure) -> failure != null).join(), "it was in flight in a killed process");
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
            service.awaitGone(parent);
            service.upgrade();
        }
    }

    /** The child commits without its parent after a while; the parent finds that when it runs again. */
    @Tag("slow")
    @Test
    void aParentThatIsStoppedPastEveryTimer() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--ready-after", "500", "--drain-timeout", "1000")
                .startAndAwait()) {
            long parent = service.pid();
            CompletableFuture<String> slow = Http.start(service.address(), untilGo());
            service.signal("HUP", parent);
            service.awaitLog("accepts connections");
            service.signal("STOP", parent);
            service.awaitServing(2);
            long child = service.pid();
            service.signal("CONT", parent);
            service.awaitGone(parent);
            assertTrue(slow.handle((answer, failure) -> failure != null).join(), "cut at the drain timeout");
            service.awaitOnly(child);
            assertEquals(child, service.pid());
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
            service.upgrade();
        }
    }

    /** The upgrade timeout passes while the parent is stopped; what the child has said meanwhile counts. */
    @Tag("slow")
    @Test
    void aParentThatIsStoppedBeforeTheTakeover() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--ready-after", "0", "--upgrade-timeout", "5000")
                .startAndAwait()) {
            long parent = service.pid();
            plan("wait " + flags.resolve("go"));
            service.signal("HUP", parent);
            service.awaitSpawned();
            service.signal("STOP", parent);
            go();
            service.awaitServing(2); // 5 s after its takeover
            long child = service.pid();
            service.signal("CONT", parent);
            service.awaitGone(parent);
            service.awaitOnly(child);
            assertEquals(child, service.pid());
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
        }
    }

    @Tag("slow")
    @Test
    void aChildThatIsStoppedPastEveryTimer() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--ready-after", "0", "--upgrade-timeout", "10000")
                .startAndAwait()) {
            long parent = service.pid();
            service.signal("HUP", parent);
            service.signal("STOP", service.awaitSpawned());
            service.awaitLog("the child was not ready within");
            service.awaitOnly(parent);
        }
    }

    @Tag("slow")
    @Test
    void aRequestDuringAnUpgradeFollowsIt() throws IOException {
        try (Service service =
                Service.testServer(directory).arguments("--ready-after", "0").startAndAwait()) {
            long parent = service.pid();
            CompletableFuture<String> slow = Http.start(service.address(), untilGo());
            plan("hang");
            service.signal("HUP", parent);
            service.awaitLog("hanging");
            service.signal("HUP", parent);
            service.awaitLog("upgrade: requested and deferred until it is possible: another upgrade is in progress");
            plan("serve");
            service.signal("KILL", service.awaitSpawned());
            service.awaitLog("upgrade: failed");
            service.awaitServing(2);
            assertFalse(slow.isDone(), "the parent still has a connection");
            service.signal("HUP", service.pid());
            service.awaitLog("upgrade: requested and deferred until it is possible: the parent has not exited yet");
            service.signal("HUP", parent);
            service.awaitLog("upgrade: requested, and passed on to the new process");
            go();
            slow.join();
            service.awaitServing(3);
            service.awaitProcesses(1);
            service.upgrade();
        }
    }

    @Tag("slow")
    @Test
    void aStopBeforeTheTakeoverEndsBoth() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            plan("hang");
            service.signal("HUP", service.pid());
            service.awaitLog("hanging");
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
            assertEquals(List.of("log", "plan"), files());
        }
    }

    @Test
    void aStopAfterTheTakeoverEndsBothWhenTheyHaveDrained() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            long parent = service.pid();
            CompletableFuture<String> slow = Http.start(service.address(), untilGo());
            service.signal("HUP", parent);
            service.awaitLog("accepts connections");
            awaitAnswerOfGeneration2(service);
            CompletableFuture<String> childs = Http.start(service.address(), untilGo());
            service.signal("TERM", parent);
            service.awaitMatch("passed on to generation 2");
            go();
            assertTrue(slow.join().contains("\"generation\":1"));
            assertTrue(childs.join().contains("\"generation\":"));
            service.awaitProcesses(0);
            assertEquals(List.of("log"), files());
        }
    }

    /** As a service manager does it, or a Ctrl-C: every process of the group gets the signal. */
    @Tag("slow")
    @Test
    void aStopOfTheWholeGroupAfterTheTakeoverLetsBothDrain() throws IOException {
        for (boolean childFirst : List.of(true, false)) {
            Path own = Files.createDirectory(directory.resolve(childFirst ? "child" : "parent"));
            Path released = flags.resolve(own.getFileName());
            try (Service service = Service.testServer(own).startAndAwait()) {
                long parent = service.pid();
                CompletableFuture<String> slow = Http.start(service.address(), "/until?" + released);
                service.signal("HUP", parent);
                service.awaitLog("accepts connections");
                long child = service.awaitSpawned();
                awaitAnswerOfGeneration2(service);
                CompletableFuture<String> childs = Http.start(service.address(), "/until?" + released);
                service.signal("TERM", childFirst ? child : parent);
                service.signal("TERM", childFirst ? parent : child);
                service.awaitMatch("(?s)stop.*stop");
                Files.createFile(released);
                assertTrue(slow.join().contains("\"generation\":1"), service::log);
                assertTrue(childs.join().contains("\"generation\":"), service::log);
                service.awaitProcesses(0);
                assertFalse(Files.exists(service.pidFile()));
            }
        }
    }

    /** {@code cp new.jar app.jar} takes away the classes that were not loaded yet: upgrade and stop must need none of ours. */
    @Tag("slow")
    @Test
    void aJarThatIsOverwrittenInPlace() throws IOException {
        Path jar = Files.copy(Service.examplesJar(), directory.resolve("app.jar"));
        try (Service service = Service.example(directory, jar).startAndAwait()) {
            service.awaitLog("prepared for the next upgrade");
            overwrite(jar);
            service.upgrade();
            service.awaitLog("] " + jar.toRealPath() + " was overwritten in place: ");
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
            service.awaitMatch("(?s)prepared for the next upgrade.*prepared for the next upgrade");
            overwrite(jar);
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
            assertFalse(
                    Pattern.compile("NoClassDefFoundError: (io/tableflip|jnr|com/kenai)")
                            .matcher(service.log())
                            .find(),
                    service::log);
        }
    }

    /** The same file, other bytes: what cp does. Entries move, so that whoever has it open finds nothing where it was. */
    private static void overwrite(Path jar) throws IOException {
        byte[] content = Files.readAllBytes(jar);
        byte[] moved = new byte[content.length + 4096]; // leading bytes are ignored in a zip file
        System.arraycopy(content, 0, moved, 4096, content.length);
        Files.write(jar, moved);
    }

    @Tag("slow")
    @Test
    void aSecondStopSignalEndsAtOnce() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--drain-timeout", "600000")
                .startAndAwait()) {
            Http.start(service.address(), untilGo());
            long pid = service.pid();
            service.signal("TERM", pid);
            service.awaitMatch("(?m)^.*] stop$");
            service.signal("TERM", pid);
            service.awaitProcesses(0);
            assertEquals(List.of("log"), files());
        }
    }

    /** From about then on new connections are the child's; for a moment both accept. */
    private static void awaitAnswerOfGeneration2(Service service) {
        Await.until(
                "an answer of generation 2",
                () -> Http.get(service.address(), "/").contains("\"generation\":2"),
                service::log);
    }

    private Path fifo() throws IOException {
        Path fifo = directory.resolve("config");
        Commands.run("mkfifo", fifo.toString());
        return fifo;
    }

    /** Opening a FIFO blocks until a reader is there: in a process of its own, that can be given up. */
    private static void write(Path fifo, String text) throws IOException {
        Commands.run("timeout", "60", "sh", "-c", "printf '%s' \"$1\" > \"$2\"", "sh", text, fifo.toString());
    }
}
