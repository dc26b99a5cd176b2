package io.tableflip.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/** Sends a line to {@link Peers} and gives the answer. Nothing is retried but a datagram, which anybody may lose. */
final class PeerClient {
    private static final Duration DATAGRAM_PATIENCE = Duration.ofSeconds(1);

    private final InetSocketAddress tcp;
    private final UnixDomainSocketAddress unix;
    private final InetSocketAddress udp;

    PeerClient(InetSocketAddress tcp, Path unix, InetSocketAddress udp) {
        this.tcp = tcp;
        this.unix = UnixDomainSocketAddress.of(unix);
        this.udp = udp;
    }

    InetSocketAddress tcpAddress() {
        return tcp;
    }

    InetSocketAddress udpAddress() {
        return udp;
    }

    String tcp(String line) {
        try (Held held = hold()) {
            return held.ask(line);
        } catch (IOException e) {
            throw new UncheckedIOException("over TCP: " + line, e);
        }
    }

    /** A connection on which nothing is asked yet. */
    Held hold() throws IOException {
        return new Held(new Socket(tcp.getAddress(), tcp.getPort()));
    }

    /** An open connection. */
    record Held(Socket socket) implements AutoCloseable {
        String ask(String line) throws IOException {
            socket.setSoTimeout((int) Await.LIMIT.toMillis());
            OutputStream out = socket.getOutputStream();
            out.write((line + "\n").getBytes(UTF_8));
            return oneLine(socket.getInputStream().readAllBytes());
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    String unix(String line) {
        try (SocketChannel channel = SocketChannel.open(unix)) {
            channel.write(ByteBuffer.wrap((line + "\n").getBytes(UTF_8)));
            return oneLine(Channels.newInputStream(channel).readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException("over the Unix socket: " + line, e);
        }
    }

    private static String oneLine(byte[] answer) throws IOException {
        String text = new String(answer, UTF_8);
        if (!text.endsWith("\n")) {
            throw new IOException("the connection ended inside an answer: \"" + text + '"');
        }
        return text.stripTrailing();
    }

    String udp(String line) {
        byte[] bytes = line.getBytes(UTF_8);
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(udp);
            socket.setSoTimeout((int) DATAGRAM_PATIENCE.toMillis());
            long start = System.nanoTime();
            while (System.nanoTime() - start < Await.LIMIT.toNanos()) {
                socket.send(new DatagramPacket(bytes, bytes.length));
                DatagramPacket answer = new DatagramPacket(new byte[1024], 1024);
                try {
                    socket.receive(answer);
                    return new String(answer.getData(), 0, answer.getLength(), UTF_8);
                } catch (SocketTimeoutException e) {
                    // a process that was about to end may have taken it
                }
            }
            throw new IOException("no answer within " + Await.LIMIT);
        } catch (IOException e) {
            throw new UncheckedIOException("over UDP: " + line, e);
        }
    }
}
