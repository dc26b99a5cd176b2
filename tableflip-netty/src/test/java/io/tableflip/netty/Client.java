package io.tableflip.netty;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketAddress;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;

/** A client that sends and reads bytes and hides nothing. A read that takes 10 s fails. */
public final class Client implements AutoCloseable {
    public final Socket socket;
    private final InputStream in;

    public record Response(int status, Map<String, String> headers, String body) {
        public boolean saysClose() {
            return "close".equals(headers.get("connection"));
        }
    }

    private Client(Socket socket) throws IOException {
        this.socket = socket;
        this.in = socket.getInputStream();
    }

    public static Client connect(SocketAddress address) throws IOException {
        return connect(address, 100_000);
    }

    /** A client for which the kernel takes in no more than about that much before it is read. */
    public static Client connect(SocketAddress address, int receiveBuffer) throws IOException {
        Socket socket = new Socket();
        try {
            socket.setReceiveBufferSize(receiveBuffer);
            socket.setSoTimeout(10_000);
            socket.setTcpNoDelay(true);
            socket.connect(address, 10_000);
            return new Client(socket);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /** Goes on under TLS. */
    public Client secured(SSLContext tls) throws IOException {
        return new Client(tls.getSocketFactory().createSocket(socket, "localhost", socket.getPort(), true));
    }

    public static String get(String path) {
        return "GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n";
    }

    public Client send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(US_ASCII));
        return this;
    }

    /** One byte, or -1 at the end of the stream. */
    public int read() throws IOException {
        return in.read();
    }

    /** The next response, whose body is as long as it says. */
    public Response response() throws IOException {
        return response(true);
    }

    /** As {@link #response()}; a response to HEAD has no body whatever it says. */
    public Response response(boolean hasBody) throws IOException {
        int status = Integer.parseInt(line().substring("HTTP/1.1 ".length(), "HTTP/1.1 200".length()));
        Map<String, String> headers = new TreeMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            String[] parts = line.split(": ", 2);
            headers.put(parts[0].toLowerCase(Locale.ROOT), parts[1]);
        }
        String body = "";
        if (hasBody && status >= 200) {
            body = headers.containsKey("transfer-encoding")
                    ? chunks()
                    : bytes(Integer.parseInt(headers.getOrDefault("content-length", "0")));
        }
        return new Response(status, headers, body);
    }

    private String chunks() throws IOException {
        StringBuilder body = new StringBuilder();
        for (int size = Integer.parseInt(line(), 16); size > 0; size = Integer.parseInt(line(), 16)) {
            body.append(bytes(size));
            line();
        }
        line();
        return body.toString();
    }

    public String bytes(int count) throws IOException {
        byte[] read = in.readNBytes(count);
        if (read.length < count) {
            throw new EOFException(read.length + " of " + count + " bytes");
        }
        return new String(read, US_ASCII);
    }

    public String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new EOFException("after: " + line.toString(US_ASCII));
            }
            if (b != '\r') {
                line.write(b);
            }
        }
        return line.toString(US_ASCII);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
