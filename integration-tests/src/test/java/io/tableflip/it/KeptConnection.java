package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;

/** A connection of HTTP/1.1 that is to live through upgrades. */
final class KeptConnection implements AutoCloseable {
    private final Socket socket;

    KeptConnection(InetSocketAddress address) throws IOException {
        socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout((int) Await.LIMIT.toMillis());
    }

    /** Asks, and fails unless the answer has this in it and does not ask to close the connection. */
    void ask(String path, String expected) throws IOException {
        Http.request(socket, path, "");
        String answer = Http.readOne(socket.getInputStream());
        assertTrue(answer.contains(expected), answer);
        assertFalse(Http.tellsToLeave(answer), answer);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
