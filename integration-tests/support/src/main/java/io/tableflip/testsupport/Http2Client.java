package io.tableflip.testsupport;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;

/** An HTTP/2 client, frame by frame as in RFC 9113: it hides nothing and repeats nothing. */
public final class Http2Client implements Closeable {
    public static final int DATA = 0;
    public static final int HEADERS = 1;
    public static final int RST_STREAM = 3;
    public static final int SETTINGS = 4;
    public static final int PING = 6;
    public static final int GOAWAY = 7;
    public static final int WINDOW_UPDATE = 8;
    public static final int END_STREAM = 1;
    public static final int ACK = 1;
    private static final int END_HEADERS = 4;
    private static final byte[] NOTHING = {};
    private static final int TIMEOUT = (int) Await.LIMIT.toMillis();

    private final Socket socket;
    private final DataInputStream in;
    private boolean begun;
    private int nextStream = 1;

    /** A frame as it came. */
    public record Frame(int type, int flags, int stream, ByteBuffer payload) {
        /** Of a PING or SETTINGS frame. */
        public boolean isAck() {
            return (flags & ACK) != 0;
        }

        /** Whether it is the last one of its stream. */
        public boolean endsStream() {
            return (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
        }

        /** Of a GOAWAY frame. */
        public int lastStream() {
            return payload.getInt(0) & Integer.MAX_VALUE;
        }

        /** The payload of a DATA frame. */
        public String text() {
            return US_ASCII.decode(payload.duplicate()).toString();
        }

        @Override
        public String toString() {
            return switch (type) {
                case DATA -> "DATA " + stream + " " + text();
                case HEADERS -> "HEADERS " + stream;
                case RST_STREAM -> "RST_STREAM " + stream + " code " + payload.getInt(0);
                case PING -> !isAck() ? "PING" : "PING ACK " + payload.getLong(0);
                case GOAWAY -> "GOAWAY " + payload.getInt(0) + " code " + payload.getInt(4);
                default -> "type " + type + " of stream " + stream;
            };
        }
    }

    /** Makes a client of a connected socket, which sends nothing before {@link #begin}. */
    public Http2Client(Socket socket) throws IOException {
        this.socket = socket;
        in = new DataInputStream(socket.getInputStream());
    }

    /** Connects, and sends the preface. */
    public static Http2Client connect(InetSocketAddress server) throws IOException {
        Socket socket = new Socket();
        try {
            socket.setSoTimeout(TIMEOUT);
            socket.setTcpNoDelay(true);
            socket.connect(server, TIMEOUT);
            return new Http2Client(socket).begin();
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /** Sends the preface. */
    public Http2Client begin() throws IOException {
        socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(US_ASCII));
        send(SETTINGS, 0, 0, NOTHING);
        begun = true;
        return this;
    }

    /**
     * Opens the next stream with a GET.
     *
     * @return the number of the stream
     */
    public int get(String path) throws IOException {
        int stream = nextStream;
        get(stream, path);
        return stream;
    }

    /** Opens a stream with a GET. */
    public void get(int stream, String path) throws IOException {
        request(stream, path, true);
    }

    /**
     * Opens a stream.
     *
     * @param end whether no body follows
     */
    public void request(int stream, String path, boolean end) throws IOException {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(0x82); // :method: GET
        block.write(0x86); // :scheme: http
        literal(block, 4, path); // :path
        literal(block, 1, "test"); // :authority
        nextStream = stream + 2;
        send(HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, block.toByteArray());
    }

    /** Not indexed, with a name of the static table, in plain ASCII. */
    private static void literal(ByteArrayOutputStream block, int name, String value) throws IOException {
        block.write(name);
        int length = value.length();
        if (length < 127) {
            block.write(length);
        } else {
            block.write(127);
            for (length -= 127; length > 127; length >>= 7) {
                block.write((length & 127) | 128);
            }
            block.write(length);
        }
        block.write(value.getBytes(US_ASCII));
    }

    /** Sends a frame. */
    public void send(int type, int flags, int stream, byte[] payload) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
        frame.put((byte) (payload.length >> 16)).putShort((short) payload.length);
        frame.put((byte) type).put((byte) flags).putInt(stream).put(payload);
        send(frame.array());
    }

    /** Sends bytes that need not be a frame. */
    public void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    /** The payload of a WINDOW_UPDATE or RST_STREAM frame. */
    public static byte[] number(int number) {
        return ByteBuffer.allocate(4).putInt(number).array();
    }

    /** Sends a PING frame. */
    public void ping(int flags, long payload) throws IOException {
        send(PING, flags, 0, ByteBuffer.allocate(8).putLong(payload).array());
    }

    /** Answers a PING frame. */
    public void ack(Frame ping) throws IOException {
        ping(ACK, ping.payload().getLong(0));
    }

    /** Reads the next frame, and passes over those that change settings or windows: settings are answered, windows are large enough. */
    public Frame read() throws IOException {
        while (true) {
            int length = (in.readUnsignedByte() << 16) | in.readUnsignedShort();
            int type = in.readUnsignedByte();
            int flags = in.readUnsignedByte();
            int stream = in.readInt() & Integer.MAX_VALUE;
            byte[] payload = new byte[length];
            in.readFully(payload);
            if (type == SETTINGS && (flags & ACK) == 0 && begun) {
                send(SETTINGS, ACK, 0, NOTHING);
            } else if (type != SETTINGS && type != WINDOW_UPDATE) {
                return new Frame(type, flags, stream, ByteBuffer.wrap(payload));
            }
        }
    }

    /**
     * Reads the response on a stream, which must come next.
     *
     * @return the body
     */
    public String response(int stream) throws IOException {
        StringBuilder body = new StringBuilder();
        Frame frame;
        do {
            frame = read();
            if (frame.stream() != stream || (frame.type() != HEADERS && frame.type() != DATA)) {
                throw new IOException("instead of a response on stream " + stream + ": " + frame);
            }
            body.append(frame.type() == DATA ? frame.text() : "");
        } while (!frame.endsStream());
        return body.toString();
    }

    /**
     * Reads what must be the end of the connection.
     *
     * @return -1 at the end; a connection that is reset is an exception
     */
    public int end() throws IOException {
        return in.read();
    }

    /** Closes the connection, in the middle of a test. */
    public void hangUp() throws IOException {
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
