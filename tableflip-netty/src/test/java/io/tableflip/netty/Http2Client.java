package io.tableflip.netty;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;

/** One HTTP/2 connection, frame by frame, written by hand: it hides nothing and obeys nobody. */
final class Http2Client implements AutoCloseable {
    static final int DATA = 0;
    static final int HEADERS = 1;
    static final int RST_STREAM = 3;
    static final int SETTINGS = 4;
    static final int PING = 6;
    static final int GOAWAY = 7;
    static final int WINDOW_UPDATE = 8;
    static final int END_STREAM = 1;
    static final int ACK = 1;
    static final int END_HEADERS = 4;
    static final byte[] NOTHING = {};

    private final Socket socket;
    private final DataInputStream in;
    private boolean begun;

    /** A frame as it came. */
    record Frame(int type, int flags, int stream, ByteBuffer payload) {
        boolean isEnd() {
            return (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
        }

        String body() {
            return US_ASCII.decode(payload.duplicate()).toString();
        }

        @Override
        public String toString() {
            return switch (type) {
                case DATA -> "DATA " + stream + " " + body();
                case HEADERS -> "HEADERS " + stream;
                case RST_STREAM -> "RST_STREAM " + stream + " code " + payload.getInt(0);
                case PING -> (flags & ACK) == 0 ? "PING" : "PING ACK " + payload.getLong(0);
                case GOAWAY -> "GOAWAY " + payload.getInt(0) + " code " + payload.getInt(4);
                default -> "type " + type + " of stream " + stream;
            };
        }
    }

    /** Says nothing yet. */
    Http2Client(Socket socket) throws IOException {
        this.socket = socket;
        in = new DataInputStream(socket.getInputStream());
    }

    /** Says the preface. */
    Http2Client begin() throws IOException {
        socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(US_ASCII));
        send(SETTINGS, 0, 0, NOTHING);
        begun = true;
        return this;
    }

    void get(int stream, String path) throws IOException {
        request(stream, path, true);
    }

    void request(int stream, String path, boolean end) throws IOException {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(0x82); // :method: GET
        block.write(0x86); // :scheme: http
        literal(block, 4, path); // :path
        literal(block, 1, "test"); // :authority
        send(HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, block.toByteArray());
    }

    /** Not indexed, with a name of the static table, shorter than 127 characters. */
    private static void literal(ByteArrayOutputStream block, int name, String value) throws IOException {
        block.write(name);
        block.write(value.length());
        block.write(value.getBytes(US_ASCII));
    }

    void send(int type, int flags, int stream, byte[] payload) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
        frame.put((byte) (payload.length >> 16)).putShort((short) payload.length);
        frame.put((byte) type).put((byte) flags).putInt(stream).put(payload);
        send(frame.array());
    }

    void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    static byte[] number(int number) {
        return ByteBuffer.allocate(4).putInt(number).array();
    }

    void ping(int flags, long payload) throws IOException {
        send(PING, flags, 0, ByteBuffer.allocate(8).putLong(payload).array());
    }

    void ack(Frame ping) throws IOException {
        ping(ACK, ping.payload().getLong(0));
    }

    /** The next frame that says something: settings are answered, windows are large enough. */
    Frame read() throws IOException {
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

    /** Reads the response on this stream, which must come next, and gives the body. */
    String response(int stream) throws IOException {
        StringBuilder body = new StringBuilder();
        Frame frame;
        do {
            frame = read();
            if (frame.stream() != stream || (frame.type() != HEADERS && frame.type() != DATA)) {
                throw new IOException("instead of a response on stream " + stream + ": " + frame);
            }
            body.append(frame.type() == DATA ? frame.body() : "");
        } while (!frame.isEnd());
        return body.toString();
    }

    /** One byte, or -1 at the end of the stream. A connection that is reset is an exception. */
    int end() throws IOException {
        return in.read();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
