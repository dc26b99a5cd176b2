package io.tableflip.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One connection to the example server. */
final class BootClient implements AutoCloseable {
    private static final byte[] REQUEST =
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final Pattern ANSWER = Pattern.compile("\"generation\":(\\d+).*\\}\n");
    private static final int PATIENCE_MILLIS = 60_000;

    private final Socket socket;

    private BootClient(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(PATIENCE_MILLIS);
    }

    /** As soon as somebody listens there: asks again and again, at distances that are short beside what is measured. */
    static BootClient connect(InetSocketAddress address, Program program) throws IOException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
        while (true) {
            try {
                return new BootClient(new Socket(address.getAddress(), address.getPort()));
            } catch (ConnectException e) {
                if (System.nanoTime() > end) {
                    throw new BenchmarkException("nobody listens at " + address + "\n" + program.log(), e);
                }
                LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(500));
            }
        }
    }

    /** Asks who answers, on a new connection. */
    static int generation(InetSocketAddress address) throws IOException {
        try (BootClient client = new BootClient(new Socket(address.getAddress(), address.getPort()))) {
            return client.get();
        }
    }

    /** Asks who answers: the generation. */
    int get() throws IOException {
        socket.getOutputStream().write(REQUEST);
        InputStream in = socket.getInputStream();
        StringBuilder text = new StringBuilder();
        byte[] buffer = new byte[1024];
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            text.append(new String(buffer, 0, count, StandardCharsets.US_ASCII));
            Matcher matcher = ANSWER.matcher(text);
            if (matcher.find()) {
                return Integer.parseInt(matcher.group(1));
            }
        }
        throw new BenchmarkException("a connection ended without an answer: " + text);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
