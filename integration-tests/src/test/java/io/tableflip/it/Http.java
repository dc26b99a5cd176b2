package io.tableflip.it;

import io.tableflip.testsupport.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/** One request on one connection, by hand: nothing is retried and nothing is forgiven. */
final class Http {
    private Http() {}

    /** The answer, head and body, as it came. Fails if the connection ends before it does. */
    static String get(InetSocketAddress address, String path) {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            socket.setSoTimeout((int) Await.LIMIT.toMillis());
            request(socket, path, "");
            return readOne(socket.getInputStream());
        } catch (IOException e) {
            throw new UncheckedIOException("GET " + path, e);
        }
    }

    /** The same in the background. Returns when the request is sent, so that it is under way from the server's view soon. */
    static CompletableFuture<String> start(InetSocketAddress address, String path) throws IOException {
        Socket socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout((int) Await.LIMIT.toMillis());
        request(socket, path, "");
        return CompletableFuture.supplyAsync(
                () -> {
                    try (socket) {
                        return readOne(socket.getInputStream());
                    } catch (IOException e) {
                        throw new UncheckedIOException("GET " + path, e);
                    }
                },
                task -> {
                    Thread thread = new Thread(task, "GET " + path);
                    thread.setDaemon(true);
                    thread.start();
                });
    }

    /** Whether the answer asks the client to leave. */
    static boolean tellsToLeave(String answer) {
        return answer.toLowerCase(Locale.ROOT).contains("connection: close");
    }

    static void request(Socket socket, String path, String headers) throws IOException {
        String request = "GET " + path + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n";
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    }

    /** One answer, by its length or its last chunk; an end of the stream before that is an error. */
    static String readOne(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        while (!head.toString(StandardCharsets.US_ASCII).endsWith("\r\n\r\n")) {
            head.write(next(in));
        }
        String headers = head.toString(StandardCharsets.US_ASCII);
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        String lower = headers.toLowerCase(Locale.ROOT);
        if (lower.contains("transfer-encoding: chunked")) {
            while (!body.toString(StandardCharsets.US_ASCII).endsWith("0\r\n\r\n")) {
                body.write(next(in));
            }
        } else {
            int at = lower.indexOf("content-length:") + "content-length:".length();
            int length = Integer.parseInt(
                    lower.substring(at, lower.indexOf("\r\n", at)).strip());
            for (int i = 0; i < length; i++) {
                body.write(next(in));
            }
        }
        return headers + body.toString(StandardCharsets.UTF_8);
    }

    private static int next(InputStream in) throws IOException {
        int b = in.read();
        if (b < 0) {
            throw new IOException("the connection ended inside an answer");
        }
        return b;
    }
}
