package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;

/** A connection that was used and is idle. A process that drains keeps it until it has answered one more request. */
final class KeptClient implements AutoCloseable {
    private final Socket socket;

    KeptClient(SystemdUnit unit) throws IOException {
        InetSocketAddress address = unit.address();
        socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout((int) Await.LIMIT.toMillis());
        answer();
    }

    private String answer() throws IOException {
        Http.request(socket, "/", "");
        return Http.readOne(socket.getInputStream());
    }

    /** Asks once more, which ends the connection if its process drains. */
    void ask(int generation) throws IOException {
        String answer = answer();
        assertTrue(answer.contains("\"generation\":" + generation + ","), answer);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
