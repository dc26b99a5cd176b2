package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Upgrades that go well. */
class UpgradeIT {
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

    @Test
    void threeGenerationsInARowRunOnTheSameJavaAndNetty() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            Path java = Proc.executable(service.pid());
            for (int generation = 2; generation <= 4; generation++) {
                service.upgrade();
                assertTrue(Http.get(service.address(), "/").contains("\"generation\":" + generation));
                assertEquals(java, Proc.executable(service.pid()));
            }
            String versions = "Java " + Runtime.version() + ", Netty " + System.getProperty("netty.version");
            assertEquals(4, occurrences(service.log(), versions), service.log());
        }
    }

    @Test
    void thePidFileNamesTheServiceAtEachStep() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait()) {
            long parent = service.pid();
            assertEquals(service.first().pid(), parent);
            CompletableFuture<String> slow = Http.start(service.address(), untilGo());
            service.signal("HUP", parent);
            service.awaitLog("accepts connections");
            assertEquals(parent, service.pid(), "until the commit");
            go();
            slow.join();
            service.awaitServing(2);
            assertFalse(service.pid() == parent, "from the commit on");
            service.awaitGone(parent);
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
            assertFalse(Files.exists(service.pidFile()), "after the stop");
            try (Stream<Path> files = Files.list(directory)) {
                assertEquals(
                        List.of("log"),
                        files.map(file -> file.getFileName().toString()).toList());
            }
        }
    }

    @Tag("slow")
    @Test
    void slowAndStreamedAnswersSurviveWhole() throws IOException {
        try (Service service =
                Service.example(directory).arguments("--ready-after", "0s").startAndAwait()) {
            InetSocketAddress address = service.address();
            CompletableFuture<String> slow = Http.start(address, "/slow?ms=5000");
            CompletableFuture<String> streamed = Http.start(address, "/stream?chunks=50&ms=100");
            service.upgrade();
            assertTrue(slow.join().contains("\"generation\":1"));
            assertTrue(streamed.join().endsWith("0\r\n\r\n"));
        }
    }

    @Test
    void theDrainTimeoutCutsWhatDoesNotEnd() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--drain-timeout", "300", "--ready-after", "100")
                .startAndAwait()) {
            CompletableFuture<String> endless = Http.start(service.address(), "/slow?ms=600000");
            service.upgrade();
            assertTrue(endless.handle((answer, failure) -> failure != null).join());
            service.awaitMatch("drained: 1 connections: 0 finished, 0 idle closed, 1 forced");
        }
    }

    /** A keep-alive connection that waits between two requests is served once more, and told to leave. */
    @Test
    void anIdleConnectionGetsItsNextAnswerAndIsToldToLeave() throws IOException {
        try (Service service = Service.testServer(directory)
                        .arguments("--ready-after", "0")
                        .startAndAwait();
                Socket socket = new Socket("127.0.0.1", service.address().getPort())) {
            socket.setSoTimeout((int) Await.LIMIT.toMillis());
            InputStream in = socket.getInputStream();
            Http.request(socket, "/", "");
            assertTrue(Http.readOne(in).contains("\"generation\":1"));
            service.signal("HUP", service.pid());
            service.awaitServing(2);
            String answer;
            do { // with readyAfter 0 the child may say that it serves before the parent's connections have heard of it
                Http.request(socket, "/", "");
                answer = Http.readOne(in);
                assertTrue(answer.contains("\"generation\":1"), answer);
            } while (!Http.tellsToLeave(answer));
            assertEquals(-1, in.read());
        }
    }

    /** The proof that the strict client sees what it is there to see. */
    @Tag("slow")
    @Test
    void withoutTheDrainHandlerTheSameLoadSeesFailures() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--without-drain-handler", "--drain-timeout", "100", "--ready-after", "50")
                .startAndAwait()) {
            try (StrictLoad load = MixedLoad.builder(service.address())
                    .rate(500)
                    .connections(40)
                    .newShare(0.1)
                    .slow(0.2, Duration.ofMillis(300))
                    .start()) {
                for (int i = 0; i < 3; i++) {
                    service.upgrade();
                }
                LoadResult result = load.stop();
                assertFalse(result.isClean(), () -> result.counts().toString());
            }
        }
    }

    static int occurrences(String text, String part) {
        return text.split(java.util.regex.Pattern.quote(part), -1).length - 1;
    }
}
