package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Http2Client;
import io.tableflip.testsupport.Http2Client.Frame;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP/2 through upgrades, seen frame by frame. */
class Http2UpgradeIT {
    private static final int UPGRADES = 3;

    @TempDir
    Path directory;

    private Service start() throws IOException {
        return Service.program(directory, Http2Server.class.getName())
                .arguments(directory.toString())
                .startAndAwait();
    }

    private static InetSocketAddress address(Service service, String which) {
        if (which.equals("multiplex")) {
            return service.address();
        }
        Matcher matcher = Pattern.compile("plain (\\d+);").matcher(service.log());
        assertTrue(matcher.find(), service.log());
        return new InetSocketAddress("127.0.0.1", Integer.parseInt(matcher.group(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"multiplex", "plain"})
    void aConnectionIsShutDownInTheOrderOfTheRfc(String which) throws IOException {
        try (Service service = start();
                Http2Client client = Http2Client.connect(address(service, which));
                Http2Client idle = Http2Client.connect(address(service, which))) {
            int idleStream = idle.get("/");
            awaitEnd(idle, idleStream);
            Path go = directory.resolve("go");
            int before = client.get("/until?" + go);
            int quick = client.get("/quick");
            assertEquals("1 quick", awaitEnd(client, quick)); // so the server has both streams
            long parent = service.pid();
            service.signal("HUP", parent);

            assertGoAway(Integer.MAX_VALUE, client.read());
            Frame ping = client.read();
            assertEquals(Http2Client.PING, ping.type());
            assertFalse(ping.isAck());
            int between = client.get("/between");
            int late = client.get("/until?" + go);
            client.ack(ping);
            Map<Integer, String> bodies = new HashMap<>();
            awaitGoAway(client, late, bodies);
            Files.createFile(go);
            while (bodies.size() < 3) {
                note(client.read(), bodies);
            }
            assertEquals("1 between", bodies.get(between));
            assertEquals("1 until?" + go, bodies.get(before));
            assertEquals("1 until?" + go, bodies.get(late));
            assertEquals(-1, client.end());

            assertGoAway(Integer.MAX_VALUE, idle.read());
            idle.ack(idle.read());
            assertGoAway(idleStream, idle.read());
            assertEquals(-1, idle.end());
            client.hangUp();
            idle.hangUp();
            service.awaitGone(parent);
            service.awaitMatch("drained: .*h2: 2 finished, 2 notified");
        }
    }

    private static void assertGoAway(int lastStream, Frame frame) {
        assertEquals(Http2Client.GOAWAY, frame.type(), frame::toString);
        assertEquals(lastStream, frame.lastStream());
    }

    /** A response may come before it. */
    private static void awaitGoAway(Http2Client client, int lastStream, Map<Integer, String> bodies)
            throws IOException {
        Frame frame = client.read();
        while (frame.type() != Http2Client.GOAWAY) {
            note(frame, bodies);
            frame = client.read();
        }
        assertGoAway(lastStream, frame);
    }

    private static void note(Frame frame, Map<Integer, String> bodies) {
        if (frame.endsStream()) {
            bodies.put(frame.stream(), frame.text());
        } else {
            assertEquals(Http2Client.HEADERS, frame.type(), frame::toString);
        }
    }

    private static String awaitEnd(Http2Client client, int stream) throws IOException {
        while (true) {
            Frame frame = client.read();
            if (frame.endsStream() && frame.stream() == stream) {
                return frame.text();
            }
        }
    }

    /** The second GOAWAY does not wait for it for ever, and streams are not cut. */
    @Tag("slow")
    @Test
    void aClientThatDoesNotAnswerThePingLosesNoStream() throws IOException {
        try (Service service = start();
                Http2Client client = Http2Client.connect(service.address())) {
            int first = client.get("/first");
            awaitEnd(client, first);
            service.signal("HUP", service.pid());
            assertGoAway(Integer.MAX_VALUE, client.read());
            client.read(); // the PING
            assertGoAway(first, client.read());
            assertEquals(-1, client.end());
        }
    }

    @Tag("slow")
    @Test
    void noStreamFailsOverUpgrades() throws Exception {
        try (Service service = start();
                Traffic traffic = new Traffic()) {
            for (int i = 0; i < 4; i++) {
                traffic.start("multiplex " + i, new Streams(address(service, "multiplex")));
                traffic.start("plain " + i, new Streams(address(service, "plain")));
            }
            traffic.awaitAnswersOf(1);
            for (int generation = 2; generation <= UPGRADES + 1; generation++) {
                service.upgrade();
                traffic.awaitAnswersOf(generation);
            }
            traffic.assertNoneFailed();
        }
    }

    /** One stream after the other on one connection until it is told to go, which may be while a stream is under way. */
    private static final class Streams implements Traffic.Question {
        private final InetSocketAddress server;
        private Http2Client client;
        private boolean told;

        Streams(InetSocketAddress server) throws IOException {
            this.server = server;
            client = Http2Client.connect(server);
        }

        @Override
        public String ask(String question) throws IOException {
            if (told) {
                client.close();
                client = Http2Client.connect(server);
                told = false;
            }
            int stream = client.get("/" + question.replace(' ', '_'));
            while (true) {
                Frame frame = client.read();
                switch (frame.type()) {
                    case Http2Client.PING -> client.ack(frame);
                    case Http2Client.GOAWAY -> {
                        told = true;
                        if (frame.lastStream() < stream) {
                            throw new IOException("stream " + stream + " is refused");
                        }
                    }
                    case Http2Client.RST_STREAM -> throw new IOException("stream " + stream + " is reset");
                    default -> {
                        if (frame.endsStream()) {
                            return frame.text().replace('_', ' ');
                        }
                    }
                }
            }
        }

        @Override
        public void close() throws IOException {
            client.close();
        }
    }
}
