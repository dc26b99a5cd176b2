package io.tableflip.it;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients that never connect a second time, and upgrades that they do not notice. */
class TransferIT {
    private static final int UPGRADES = 3;
    private static final String GET = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

    @TempDir
    Path directory;

    private final List<Socket> sockets = new ArrayList<>();

    @AfterEach
    void closeSockets() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    /** Connections in every state in which a client may leave them. */
    @Test
    void connectionsOfHttpLiveThroughUpgrades() throws Exception {
        try (Service service = Service.transferringExample(directory, "http").startAndAwait()) {
            InetSocketAddress address = service.address();
            List<Socket> idle = connections(address, 20);
            List<Socket> halves = connections(address, 8);
            Queue<String> problems = new ConcurrentLinkedQueue<>();
            List<KeptRequests> busy = new ArrayList<>();
            try {
                for (int i = 0; i < 8; i++) {
                    busy.add(new KeptRequests(connect(address), 1 + i % 4, problems).begin());
                }
                for (int generation = 1; generation <= 1 + UPGRADES; generation++) {
                    for (Socket socket : idle) {
                        assertEquals(generation, ask(socket));
                    }
                    for (Socket socket : halves) {
                        write(socket, "GET / HTTP/1.1\r\nHo");
                    }
                    awaitGeneration(generation, busy, problems, service);
                    if (generation <= UPGRADES) {
                        service.upgrade();
                    }
                    for (Socket socket : halves) {
                        write(socket, "st: test\r\n\r\n");
                        assertEquals(Math.min(generation + 1, 1 + UPGRADES), generation(answer(socket)));
                    }
                }
            } finally {
                busy.forEach(KeptRequests::stop);
            }
            for (KeptRequests requests : busy) {
                requests.awaitEnd();
            }
            assertEquals(List.of(), List.copyOf(problems), service::log);
            assertEquals(
                    UPGRADES,
                    UpgradeIT.occurrences(service.log(), "drained: 36 connections: 36 transferred, 0 finished"),
                    service::log);
        }
    }

    /**
     * What is answered late is answered by the old process, and then the connection goes on in the new one.
     */
    @Test
    void aResponseIsOwedByTheProcessThatHasTheRequest() throws IOException {
        try (Service service = Service.transferringExample(directory, "http").startAndAwait()) {
            Socket slow = connect(service.address());
            Socket streamed = connect(service.address());
            write(slow, "GET /slow?ms=1500 HTTP/1.1\r\nHost: test\r\n\r\n" + GET);
            write(streamed, "GET /stream?chunks=15&ms=100 HTTP/1.1\r\nHost: test\r\n\r\n");
            assertEquals('H', streamed.getInputStream().read());
            service.upgrade();
            assertEquals(1, generation(answer(slow)));
            assertTrue(answer(streamed).contains("\"generation\":1,"));
            answer(slow); // the pipelined one, by either
            assertEquals(2, ask(slow));
            assertEquals(2, ask(streamed));
        }
    }

    @Test
    void webSocketSessionsLiveThroughUpgrades() throws IOException {
        try (Service service =
                Service.transferringExample(directory, "websocket").startAndAwait()) {
            URI address = URI.create("ws://127.0.0.1:" + service.address().getPort() + "/ws");
            Queue<String> problems = new ConcurrentLinkedQueue<>();
            HttpClient client = HttpClient.newHttpClient();
            List<NumberedMessages> sessions = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                sessions.add(NumberedMessages.open(client, address, problems));
            }
            for (int generation = 1; generation <= 1 + UPGRADES; generation++) {
                int now = generation;
                Await.until(
                        "answers and ticks of generation " + now,
                        () -> !problems.isEmpty() || sessions.stream().allMatch(session -> session.hasAll(now)),
                        () -> problems + "\n" + sessions + "\n" + service.log());
                assertEquals(List.of(), List.copyOf(problems), service::log);
                if (generation <= UPGRADES) {
                    service.upgrade();
                }
            }
            sessions.forEach(NumberedMessages::end);
            Await.until("ended", () -> sessions.stream().allMatch(NumberedMessages::hasEnded), problems::toString);
            assertEquals(List.of(), List.copyOf(problems), service::log);
            assertEquals(
                    UPGRADES,
                    UpgradeIT.occurrences(service.log(), "drained: 10 connections: 10 transferred, 0 finished"),
                    service::log);
        }
    }

    /** Nobody sees anybody leave or join, and both have their names. */
    @Tag("slow")
    @Test
    void chatRoomsLiveThroughUpgrades() throws IOException {
        try (Service service = Service.transferringExample(directory, "chat").startAndAwait()) {
            Socket ann = chat(service.address(), "ann");
            Socket bob = chat(service.address(), "bob");
            assertEquals("* bob has joined garden", line(ann));
            for (int i = 1; i <= UPGRADES; i++) {
                write(ann, "half a li"); // and the other half comes later
                service.upgrade();
                write(ann, "ne " + i + "\n");
                assertEquals("ann: half a line " + i, line(ann));
                assertEquals("ann: half a line " + i, line(bob));
            }
            write(bob, "/who\n");
            assertEquals("* bob, in garden with 2", line(bob));
            write(bob, "/quit\n");
            assertEquals("* bob has left garden", line(ann));
            assertEquals(
                    UPGRADES,
                    UpgradeIT.occurrences(service.log(), "drained: 2 connections: 2 transferred, 0 finished"),
                    service::log);
        }
    }

    /** A release that does not transfer takes over from one that does: the clients are asked to leave. */
    @Tag("slow")
    @Test
    void aReleaseThatTakesNoneLeavesTheOldProcessToDrain() throws IOException {
        Path script = directory.resolve("start");
        try (Service service = Service.transferringExample(directory, "http")
                .script(script(script, ""))
                .arguments("--ready-after", "0s")
                .startAndAwait()) {
            Socket idle = connect(service.address());
            assertEquals(1, ask(idle));
            script(script, " --connections drain");
            long old = service.pid();
            service.signal("HUP", old);
            service.awaitServing(2);
            String answer;
            do { // the event comes to each connection in its own time
                write(idle, GET);
                answer = answer(idle);
                assertEquals(1, generation(answer));
            } while (!Http.tellsToLeave(answer));
            assertEquals(-1, idle.getInputStream().read());
            service.awaitGone(old);
            service.awaitMatch("drained: 1 connections: 1 finished, 0 idle closed, 0 forced; 1 notified");
        }
    }

    private static Path script(Path script, String options) throws IOException {
        Path next = script.resolveSibling("next");
        Files.writeString(
                next,
                "#!/bin/sh\nexport TABLEFLIP_LAUNCHER=\"$0\"\nexec " + Service.java() + " -jar " + Service.examplesJar()
                        + " \"$@\"" + options + "\n");
        Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rwx------"));
        return Files.move(next, script, StandardCopyOption.ATOMIC_MOVE);
    }

    private List<Socket> connections(InetSocketAddress address, int count) throws IOException {
        List<Socket> connections = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            connections.add(connect(address));
        }
        return connections;
    }

    private Socket connect(InetSocketAddress address) throws IOException {
        Socket socket = new Socket(address.getAddress(), address.getPort());
        sockets.add(socket);
        socket.setSoTimeout((int) Await.LIMIT.toMillis());
        return socket;
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** The generation that answers. */
    private static int ask(Socket socket) throws IOException {
        write(socket, GET);
        return generation(answer(socket));
    }

    private static String answer(Socket socket) throws IOException {
        return Http.readOne(socket.getInputStream());
    }

    private static int generation(String answer) {
        return requireNonNull(KeptRequests.generation(answer), answer);
    }

    private static void awaitGeneration(
            int generation, List<KeptRequests> busy, Queue<String> problems, Service service) {
        Await.until(
                "answered by generation " + generation,
                () -> !problems.isEmpty() || busy.stream().allMatch(requests -> requests.generation() == generation),
                service::log);
        assertEquals(List.of(), List.copyOf(problems), service::log);
    }

    private Socket chat(InetSocketAddress address, String nick) throws IOException {
        Socket socket = connect(address);
        assertTrue(line(socket).endsWith(" has joined lobby"));
        write(socket, "/nick " + nick + "\n");
        assertTrue(line(socket).endsWith(" is " + nick + " now"));
        write(socket, "/join garden\n");
        assertEquals("* " + nick + " has joined garden", line(socket));
        return socket;
    }

    private static String line(Socket socket) throws IOException {
        StringBuilder line = new StringBuilder();
        InputStream in = socket.getInputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            assertTrue(b >= 0, () -> "the connection has ended behind \"" + line + "\"");
            line.append((char) b);
        }
        return line.toString();
    }
}
