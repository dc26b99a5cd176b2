package io.tableflip.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Listeners that only one of two releases has, and Unix sockets whose files somebody else removes. */
class ListenersUpgradeIT {
    private static final String NAME = "app.sock";

    @TempDir
    Path directory;

    /** Where a file lets a request go on. */
    @TempDir
    Path flags;

    private void plan(String text) throws IOException {
        Files.writeString(directory.resolve("plan"), text);
    }

    // ---- a listener that the new release does not have

    @Test
    void aListenerThatTheNewReleaseDoesNotHaveIsServedUntilTheCommit() throws Exception {
        InetSocketAddress removed = freeAddress();
        plan("bind " + removed.getPort());
        try (Service service = Service.testServer(directory)
                .arguments("--ready-after", "50000")
                .startAndAwait()) {
            plan("serve");
            long parent = service.pid();
            CompletableFuture<String> slow = Http.start(service.address(), "/until?" + flags.resolve("go"));
            service.signal("HUP", parent);
            service.awaitLog("accepts connections after"); // the slow request holds up the commit
            assertTrue(Http.get(removed, "/").contains("\"generation\":1"));
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2"));
            CompletableFuture<String> last = Http.start(removed, "/until?" + flags.resolve("last"));
            assertTrue(Http.get(removed, "/").contains("\"generation\":1"));
            Files.createFile(flags.resolve("go"));
            Await.get(slow);
            service.awaitServing(2);
            Await.until("refused", () -> outcome(removed).equals("refused"));
            Files.createFile(flags.resolve("last"));
            assertTrue(Await.get(last).contains("\"generation\":1"), "the connection is drained");
            service.awaitGone(parent);
            assertTrue(outcome(removed).equals("refused"));
            assertTrue(service.log().contains("was inherited and not claimed"), service::log);
        }
    }

    /** Each connection is answered or refused, in that order. */
    @Test
    void noConnectionOfSuchAListenerIsReset() throws Exception {
        InetSocketAddress removed = freeAddress();
        plan("bind " + removed.getPort());
        try (Service service = Service.testServer(directory).startAndAwait()) {
            plan("serve");
            List<String> outcomes = new ArrayList<>();
            CompletableFuture<Void> client = CompletableFuture.runAsync(() -> {
                while (!outcomes.contains("refused")) {
                    outcomes.add(outcome(removed));
                }
            });
            Await.until("the client is answered", () -> !outcomes.isEmpty());
            service.upgrade();
            Await.get(client);
            assertEquals(
                    List.of("answered", "refused"), outcomes.stream().distinct().toList());
        }
    }

    private static String outcome(InetSocketAddress address) {
        try {
            return Http.get(address, "/").contains("\"generation\":1") ? "answered" : "answered by another";
        } catch (UncheckedIOException e) {
            Throwable cause = requireNonNull(e.getCause());
            return cause instanceof ConnectException ? "refused" : cause.toString();
        }
    }

    @Tag("slow")
    @Test
    void afterARollbackItIsServedAsBefore() throws Exception {
        InetSocketAddress kept = freeAddress();
        plan("bind " + kept.getPort());
        try (Service service = Service.testServer(directory)
                .arguments("--ready-after", "50000")
                .startAndAwait()) {
            plan("serve");
            CompletableFuture<String> slow = Http.start(service.address(), "/until?" + flags.resolve("go"));
            service.signal("HUP", service.pid());
            service.awaitLog("accepts connections after");
            service.signal("KILL", service.awaitSpawned());
            service.awaitLog("this process serves on");
            assertTrue(Http.get(kept, "/").contains("\"generation\":1"));
            Files.createFile(flags.resolve("go"));
            Await.get(slow);
            plan("bind " + kept.getPort());
            service.upgrade();
            assertTrue(Http.get(kept, "/").contains("\"generation\":3")
                    || Http.get(kept, "/").contains("\"generation\":2"));
        }
    }

    @Tag("slow")
    @Test
    void thePathOfSuchAUnixSocketIsRemoved() throws Exception {
        plan("unix " + NAME);
        try (Service service = Service.testServer(directory).startAndAwait()) {
            assertTrue(ask(socket()).contains("\"generation\":1"));
            plan("serve");
            service.upgrade();
            Await.until("removed", () -> !Files.exists(socket(), LinkOption.NOFOLLOW_LINKS));
            plan("unix " + NAME);
            service.upgrade();
            assertTrue(ask(socket()).contains("\"generation\":3"));
        }
    }

    // ---- Unix sockets whose files go

    /** Netty removes the path that it has bound when the old process closes its channel. */
    @Tag("slow")
    @Test
    void thePathOfASocketThatNettyHasBoundLeadsToTheNewProcess() throws Exception {
        plan("plain " + NAME);
        try (Service service = Service.testServer(directory).startAndAwait()) {
            assertTrue(ask(socket()).contains("\"generation\":1"));
            for (int generation = 2; generation <= 3; generation++) {
                service.upgrade();
                assertTrue(ask(socket()).contains("\"generation\":" + generation));
                service.awaitFiles(NAME, "log", "plan", "service.pid", "service.pid.status");
            }
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
            service.awaitFiles("log", "plan");
        }
    }

    @Tag("slow")
    @Test
    void anUpgradeFailsIfNobodyCouldConnectAfterIt() throws Exception {
        plan("unix " + NAME);
        try (Service service = Service.testServer(directory).startAndAwait()) {
            long parent = service.pid();
            Files.delete(socket());
            service.signal("HUP", parent);
            service.awaitMatch("this process serves on: listener:unix:.*its socket file was removed");
            service.awaitOnly(parent);
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":1"));
        }
    }

    @Tag("slow")
    @Test
    void soDoesOneWhoseSocketFileIsAnothers() throws Exception {
        plan("unix " + NAME);
        try (Service service = Service.testServer(directory).startAndAwait()) {
            Files.delete(socket());
            Files.createFile(socket());
            service.signal("HUP", service.pid());
            service.awaitMatch("this process serves on: listener:unix:.*its socket file was replaced");
        }
    }

    @Tag("slow")
    @Test
    void aChildThatRemovesTheFileAndFailsIsNoticed() throws Exception {
        plan("unix " + NAME);
        try (Service service = Service.testServer(directory).startAndAwait()) {
            plan("remove " + NAME);
            service.signal("HUP", service.pid());
            service.awaitLog("this process serves on");
            service.awaitMatch("listener:unix:.*its socket file was removed, and clients cannot connect");
        }
    }

    @Tag("slow")
    @Test
    void aStopRemovesTheFile() throws Exception {
        plan("unix " + NAME);
        try (Service service = Service.testServer(directory).startAndAwait()) {
            service.upgrade();
            assertTrue(ask(socket()).contains("\"generation\":2"));
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
            assertFalse(Files.exists(socket(), LinkOption.NOFOLLOW_LINKS));
        }
    }

    private Path socket() {
        return directory.resolve(NAME);
    }

    private static String ask(Path path) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            channel.write(US_ASCII.encode("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
            return Http.readOne(Channels.newInputStream(channel));
        }
    }

    private static InetSocketAddress freeAddress() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            return (InetSocketAddress) free.getLocalSocketAddress();
        }
    }
}
