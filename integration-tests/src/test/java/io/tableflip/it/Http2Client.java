package io.tableflip.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;

/** One HTTP/2 connection, frame by frame, as RFC 9113 has it: hides nothing and asks nothing twice. */
final class Http2Client implements Closeable {
    static final int DATA = 0;
    static final int HEADERS = 1;
    static final int RST_STREAM = 3;
    static final int SETTINGS = 4;
    static final int PING = 6;
    static final int GOAWAY = 7;
    static final int WINDOW_UPDATE = 8;
    private static final int END_STREAM = 1;
    private static final int ACK = 1;
    private static final int END_HEADERS = 4;
    private static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    private final Socket socket = new Socket();
    private final DataInputStream in;
    private final OutputStream out;
    private int nextStream = 1;

    /** A frame as it came. */
    static final class Frame {
        private final int type;
        private final int flags;
        private final int stream;
        private final byte[] payload;

        private Frame(int type, int flags, int stream, byte[] payload) {
            this.type = type;
            this.flags = flags;
            this.stream = stream;
            this.payload = payload;
        }

        int type() {
            return type;
        }

        int stream() {
            return stream;
        }

        boolean isAck() {
            return (flags & ACK) != 0;
        }

        boolean endsStream() {
            return (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
        }

        /** Of a GOAWAY. */
        int lastStream() {
            return ByteBuffer.wrap(payload).getInt() & Integer.MAX_VALUE;
        }

        String text() {
            return new String(payload, US_ASCII);
        }

        @Override
        public String toString() {
            return "type " + type + ", flags " + flags + ", stream " + stream + ", " + payload.length + " bytes";
        }
    }

    Http2Client(InetSocketAddress server) throws IOException {
        socket.setSoTimeout(20_000);
        socket.setTcpNoDelay(true);
        socket.connect(server, 20_000);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
        out.write(PREFACE.getBytes(US_ASCII));
        send(SETTINGS, 0, 0, new byte[0]);
    }

    /** Opens a stream with a GET. */
    int get(String path) throws IOException {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(0x82); // :method: GET
        block.write(0x86); // :scheme: http
        literal(block, 4, path); // :path
        literal(block, 1, "test"); // :authority
        int stream = nextStream;
        nextStream += 2;
        send(HEADERS, END_HEADERS | END_STREAM, stream, block.toByteArray());
        return stream;
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

    void send(int type, int flags, int stream, byte[] payload) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
        frame.put((byte) (payload.length >> 16)).putShort((short) payload.length);
        frame.put((byte) type).put((byte) flags).putInt(stream).put(payload);
        out.write(frame.array());
    }

    void ack(Frame frame) throws IOException {
        send(frame.type, ACK, 0, frame.type == PING ? frame.payload : new byte[0]);
    }

    /** The next frame that says something: settings are answered, windows are large enough. */
    Frame read() throws IOException {
        while (true) {
            Frame frame = readFrame();
            if (frame.type == SETTINGS) {
                if (!frame.isAck()) {
                    ack(frame);
                }
            } else if (frame.type != WINDOW_UPDATE) {
                return frame;
            }
        }
    }

    private Frame readFrame() throws IOException {
        int length = (in.readUnsignedByte() << 16) | in.readUnsignedShort();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        int stream = in.readInt() & Integer.MAX_VALUE;
        byte[] payload = new byte[length];
        in.readFully(payload);
        return new Frame(type, flags, stream, payload);
    }

    /** The server has closed the connection in order. */
    boolean isAtEnd() throws IOException {
        try {
            readFrame();
            return false;
        } catch (EOFException e) {
            return true;
        }
    }

    /** The end, in the middle of a test. */
    void hangUp() throws IOException {
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
