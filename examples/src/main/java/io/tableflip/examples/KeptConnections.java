package io.tableflip.examples;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Connections of HTTP/1.1 that are used in turn and never made a second time: each that ends, or that the
 * server asks to end, is lost. Thread-safe. They are used by a daemon thread.
 */
final class KeptConnections implements AutoCloseable {
    private static final byte[] REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(US_ASCII);
    private static final int PAUSE_MILLIS = 15;

    private final int count;
    private final List<Socket> sockets = new ArrayList<>(); // those that are not lost, for the thread alone
    private final AtomicInteger lost = new AtomicInteger();
    private final AtomicLong answers = new AtomicLong();
    private final Thread thread = new Thread(this::use, "kept-connections");
    private volatile @Nullable String firstLoss;
    private volatile boolean stopped;

    private KeptConnections(int count) {
        this.count = count;
    }

    /** @param patience how long an answer may take */
    static KeptConnections open(InetSocketAddress address, int count, Duration patience) throws IOException {
        KeptConnections kept = new KeptConnections(count);
        try {
            for (int i = 0; i < count; i++) {
                Socket socket = new Socket(address.getAddress(), address.getPort());
                kept.sockets.add(socket);
                socket.setSoTimeout(Math.toIntExact(patience.toMillis()));
            }
        } catch (IOException e) {
            kept.closeSockets();
            throw e;
        }
        kept.thread.setDaemon(true);
        kept.thread.start();
        return kept;
    }

    private void use() {
        while (!stopped && !sockets.isEmpty()) {
            for (Iterator<Socket> each = sockets.iterator(); each.hasNext() && !stopped; ) {
                Socket socket = each.next();
                String problem = ask(socket);
                if (problem == null) {
                    answers.incrementAndGet();
                } else if (!stopped) {
                    lost(problem);
                    each.remove();
                    close(socket);
                }
                pause();
            }
        }
        closeSockets();
    }

    /** Returns what is wrong with the answer, or with the connection behind it. */
    private static @Nullable String ask(Socket socket) {
        try {
            socket.getOutputStream().write(REQUEST);
            ResponseParser response = new ResponseParser();
            byte[] bytes = new byte[4096];
            while (!response.done()) {
                int length = socket.getInputStream().read(bytes);
                if (length < 0) {
                    return "the connection has ended";
                }
                response.feed(ByteBuffer.wrap(bytes, 0, length));
            }
            if (response.status() != 200) {
                return "status " + response.status();
            }
            return response.close() ? "the server asks to close the connection" : null;
        } catch (IOException | BadResponseException e) {
            return e.toString();
        }
    }

    private synchronized void lost(String problem) {
        lost.incrementAndGet();
        if (firstLoss == null) {
            firstLoss = problem;
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** How many of them have ended. */
    int lost() {
        return lost.get();
    }

    /** How many requests were answered. */
    long answers() {
        return answers.get();
    }

    @Override
    public String toString() {
        String losses = lost() == 0 ? "0 reconnects" : lost() + " lost, the first because: " + firstLoss;
        return count + " connections, " + losses;
    }

    /** Ends the use of the connections, and closes them. */
    @Override
    public void close() {
        stopped = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void closeSockets() {
        sockets.forEach(KeptConnections::close);
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // then it is closed by the end of the process
        }
    }
}
