package io.tableflip.examples;

import static java.nio.channels.SelectionKey.OP_CONNECT;
import static java.nio.channels.SelectionKey.OP_READ;
import static java.nio.channels.SelectionKey.OP_WRITE;

import java.io.IOException;
import java.net.BindException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * One client: sends a request, reads the response, and connects again when the connection has gone in between. It never
 * sends a request twice. Belongs to the thread of the {@link LoadEngine}.
 */
final class LoadConnection {
    private final LoadEngine engine;
    private final int number;
    private @Nullable SocketChannel channel;
    private @Nullable SelectionKey key;
    private @Nullable LoadRequest request;
    private ByteBuffer unsent = ByteBuffer.allocate(0);
    private ResponseParser parser = new ResponseParser();
    private ServerId server = ServerId.UNKNOWN;
    private long thinksUntil;
    private boolean connecting;
    private long answers;

    /** @param number of a connection that is kept between requests, or -1 for one that serves a single request */
    LoadConnection(LoadEngine engine, int number) {
        this.engine = engine;
        this.number = number;
        this.thinksUntil = System.nanoTime();
    }

    int number() {
        return number;
    }

    boolean isKept() {
        return number >= 0;
    }

    /** Until when this client would rather not send. */
    long thinksUntil() {
        return thinksUntil;
    }

    void thinkUntil(long time) {
        thinksUntil = time;
    }

    /** Sends, or begins to connect. The outcome is reported to the engine, perhaps before this returns. */
    void send(LoadRequest next, ByteBuffer bytes) {
        // The server may have closed the connection a moment ago: a good client looks before it writes.
        if (channel != null) {
            readIdle(channel);
        }
        request = next;
        unsent = bytes;
        parser = new ResponseParser();
        try {
            if (channel == null) {
                connect();
            } else {
                write(channel);
            }
        } catch (IOException e) {
            failed(e);
        }
    }

    /** Does what the selector says can be done. */
    void selected() {
        SocketChannel open = channel;
        SelectionKey selected = key;
        if (open == null || selected == null) {
            return; // closed by an event that was handled just before this one
        }
        if (request == null) {
            readIdle(open);
            return;
        }
        try {
            if (selected.isConnectable() && open.finishConnect()) {
                connected(open);
            } else if (selected.isWritable()) {
                write(open);
            }
            if (channel == open && selected.isReadable()) {
                read(open);
            }
        } catch (IOException e) {
            failed(e);
        }
    }

    /** Gives up the request that is under way. */
    void timeOut(LoadRequest late) {
        if (request != late) {
            throw new IllegalStateException("a timeout for another request");
        }
        String before = parser.begun() ? "within the response" : "before the response";
        fail(FailureKind.TIMEOUT, connecting ? "while connecting" : before);
    }

    void close() {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new IllegalStateException("cannot close a socket", e);
            }
        }
        channel = null;
        key = null;
        connecting = false;
        server = ServerId.UNKNOWN;
        answers = 0;
    }

    private void connect() throws IOException {
        SocketChannel open = SocketChannel.open();
        channel = open;
        connecting = true;
        open.configureBlocking(false);
        open.setOption(StandardSocketOptions.TCP_NODELAY, true);
        boolean done = open.connect(engine.target());
        key = open.register(engine.selector(), OP_CONNECT, this);
        if (done) {
            connected(open);
        }
    }

    private void connected(SocketChannel open) throws IOException {
        connecting = false;
        engine.tally().connected();
        write(open);
    }

    private void write(SocketChannel open) throws IOException {
        open.write(unsent);
        if (key != null) {
            key.interestOps(unsent.hasRemaining() ? OP_READ | OP_WRITE : OP_READ);
        }
    }

    private void read(SocketChannel open) throws IOException {
        ByteBuffer bytes = engine.readBuffer();
        int count = open.read(bytes);
        if (count < 0) {
            fail(parser.begun() ? FailureKind.PARTIAL : FailureKind.EOF, "end of file");
            return;
        }
        try {
            parser.feed(bytes.flip());
            if (parser.done()) {
                answered();
            }
        } catch (BadResponseException e) {
            fail(FailureKind.BAD, String.valueOf(e.getMessage()));
        }
    }

    private void answered() throws BadResponseException {
        LoadRequest over = request;
        if (over == null) {
            throw new IllegalStateException("an answer without a request");
        }
        server = engine.checked(over, parser);
        request = null;
        answers++;
        if (parser.close() && isKept()) {
            engine.tally().told();
        }
        if (parser.close() || !isKept()) {
            close();
        }
        engine.released(this, over);
    }

    /** Nothing is under way: nothing may come but the end of the connection. */
    private void readIdle(SocketChannel open) {
        try {
            int count = open.read(engine.readBuffer());
            if (count < 0) {
                engine.tally().idleEof();
                close();
            } else if (count > 0) {
                broken(count + " bytes without a request");
            }
        } catch (IOException e) {
            broken(String.valueOf(e.getMessage()));
        }
    }

    private void broken(String detail) {
        engine.tally().broken(System.nanoTime(), FailureKind.IDLE_BROKEN, detail + ", " + this);
        close();
    }

    private void failed(IOException e) {
        fail(kind(e), String.valueOf(e.getMessage()));
    }

    private FailureKind kind(IOException e) {
        // Without a descriptor or a port of its own, the client has not got as far as the server.
        if (channel == null || e instanceof BindException) {
            return FailureKind.CLIENT;
        }
        String message = String.valueOf(e.getMessage());
        if (message.contains("timed out")) {
            return FailureKind.TIMEOUT;
        }
        // All that goes wrong on a connection that was made means the same to a client: "Connection reset", "Broken
        // pipe".
        return connecting && !message.contains("reset") ? FailureKind.REFUSED : FailureKind.RESET;
    }

    private void fail(FailureKind kind, String detail) {
        LoadRequest over = request;
        if (over == null) {
            throw new IllegalStateException("a failure without a request: " + kind + ", " + detail);
        }
        String who = toString();
        request = null;
        close();
        engine.tally().failed(over, System.nanoTime(), kind, detail + ", " + who);
        engine.released(this, over);
    }

    @Override
    public String toString() {
        return (isKept() ? "kept connection " + number : "new connection") + " after " + answers + " answers"
                + (answers == 0 ? "" : ", the last from " + server);
    }
}
