package io.tableflip.examples;

import static io.tableflip.examples.RawServer.BODY;
import static io.tableflip.examples.RawServer.ok;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 30, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KeptConnectionsTest {
    private static KeptConnections open(RawServer server) throws IOException {
        return KeptConnections.open(server.address(), 3, Duration.ofSeconds(20));
    }

    @Test
    void connectionsThatGoOnAreNotLost() throws IOException {
        try (RawServer server = new RawServer(connection -> connection.answerAll(ok(BODY)));
                KeptConnections kept = open(server)) {
            DemoServer.await("each is used more than once", () -> kept.answers() > 9);
            assertEquals("3 connections, 0 reconnects", kept.toString());
        }
    }

    private static void assertAllLost(RawServer.Behaviour behaviour, String why) throws IOException {
        try (RawServer server = new RawServer(behaviour);
                KeptConnections kept = open(server)) {
            DemoServer.await("all are lost", () -> kept.lost() == 3);
            assertTrue(kept.toString().startsWith("3 connections, 3 lost, the first because: "), kept::toString);
            assertTrue(kept.toString().contains(why), kept::toString);
        }
    }

    @Test
    void connectionsThatEndAreLost() throws IOException {
        assertAllLost(
                connection -> {
                    connection.request();
                    connection.write(ok(BODY));
                },
                "");
    }

    @Test
    void connectionsThatEndInAnAnswerAreLost() throws IOException {
        assertAllLost(
                connection -> {
                    connection.request();
                    connection.write("HTTP/1.1 200 OK\r\n");
                },
                "the connection has ended");
    }

    @Test
    void connectionsThatAreToBeClosedAreLost() throws IOException {
        String answer = ok(BODY).replaceFirst("\r\n", "\r\nConnection: close\r\n");
        assertAllLost(connection -> connection.answerAll(answer), "the server asks to close the connection");
    }

    @Test
    void failuresAreNoAnswers() throws IOException {
        String answer = ok(BODY).replaceFirst("200 OK", "503 Service Unavailable");
        assertAllLost(connection -> connection.answerAll(answer), "status 503");
    }
}
