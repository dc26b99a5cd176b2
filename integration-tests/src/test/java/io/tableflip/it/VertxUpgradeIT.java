package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Vert.x is upgraded under its own client: pooled and new connections, HTTP/2, streamed answers that outlast a drain. */
@ResourceLock(FrameworkRun.LOAD)
@Tag("frameworks")
class VertxUpgradeIT {
    private static final String PACKAGE = "io.tableflip.examples.vertx.";
    private static final String SERVER = PACKAGE + "VertxExample";

    @TempDir
    Path directory;

    @Test
    void noCallFails() throws IOException, InterruptedException {
        new FrameworkRun(directory, "vertx", SERVER, PACKAGE + "VertxClient")
                .keepingConnections()
                .noCallFails("pooled", "stream", "new", "h2c", "h2c-stream", "upgraded", "upgraded-stream");
    }

    @Test
    void webSocketsAreToldToConnectAgain() throws IOException {
        new FrameworkRun(directory, "vertx", SERVER, PACKAGE + "VertxClient").webSocketsAreToldToConnectAgain();
    }

    /** The drain handler has to know of the requests in the very bytes by which Vert.x sees which protocol it is. */
    @Test
    void answersPipelinedRequestsThatCameWithTheFirstBytes() throws IOException {
        try (Service service = start();
                Socket socket = new Socket("127.0.0.1", service.address().getPort())) {
            socket.setSoTimeout((int) Await.LIMIT.toMillis());
            InputStream in = socket.getInputStream();
            String requests = get("/stream") + get("/stream") + get("/") + get("/");
            socket.getOutputStream().write(requests.getBytes(StandardCharsets.US_ASCII));
            assertEquals('H', in.read()); // the first answer has begun
            service.signal("TERM", service.pid());
            for (int i = 1; i <= 3; i++) {
                assertFalse(Http.tellsToLeave(Http.readOne(in)), "answer " + i);
            }
            String last = Http.readOne(in);
            assertTrue(Http.tellsToLeave(last), last);
            assertEquals(-1, in.read());
            service.awaitProcesses(0);
            assertTrue(service.log().contains(" 0 forced"), service.log());
        }
    }

    /** A client may connect long before it says anything, and Vert.x does not know the protocol until then. */
    @Test
    void tellsConnectionsToLeaveThatWereSilentWhenTheDrainBegan() throws IOException {
        try (Service service = start();
                Socket silent = new Socket("127.0.0.1", service.address().getPort());
                Socket other = new Socket("127.0.0.1", service.address().getPort())) {
            askOnce(other); // so that both are accepted
            service.signal("TERM", service.pid());
            askUntilToldToLeave(other);
            askUntilToldToLeave(silent);
            service.awaitProcesses(0);
            assertTrue(service.log().contains(" 0 forced"), service.log());
            assertFalse(service.log().contains("no handler of"), service.log());
        }
    }

    private Service start() throws IOException {
        Path greeting = Files.writeString(directory.resolve("greeting"), "greetings");
        Path pidFile = directory.resolve("service.pid");
        return Service.frameworkExample(directory, "vertx", SERVER)
                .arguments("127.0.0.1", "0", pidFile.toString(), greeting.toString())
                .startAndAwait();
    }

    private static void askUntilToldToLeave(Socket socket) throws IOException {
        while (!Http.tellsToLeave(askOnce(socket))) {
            // the event comes to each connection in its own time
        }
        assertEquals(-1, socket.getInputStream().read());
    }

    private static String askOnce(Socket socket) throws IOException {
        socket.setSoTimeout((int) Await.LIMIT.toMillis());
        Http.request(socket, "/", "");
        return Http.readOne(socket.getInputStream());
    }

    private static String get(String path) {
        return "GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n";
    }
}
