package io.tableflip.core.transfer;

import io.tableflip.core.transfer.ConnectionSender.Connection;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * What goes over the channel: a type and what belongs to it. A receiver skips types that it does not know.
 *
 * <pre>
 * parent to child   C position(4) { length(4) record }   one record for each descriptor of the message
 * child to parent   G count(4)                           so many connections more
 *                   N position(4)                        no more connections of this listener
 * </pre>
 */
final class TransferMessage {
    static final byte CONNECTIONS = 'C';
    static final byte GRANT = 'G';
    static final byte NO_MORE = 'N';

    private static final int HEAD = 1 + Integer.BYTES;

    private TransferMessage() {}

    static byte[] number(byte type, int number) {
        return ByteBuffer.allocate(HEAD).put(type).putInt(number).array();
    }

    static byte[] connections(int position, List<Connection> connections) {
        int length = HEAD;
        for (Connection connection : connections) {
            length += Integer.BYTES + connection.record().length;
        }
        ByteBuffer message = ByteBuffer.allocate(length).put(CONNECTIONS).putInt(position);
        for (Connection connection : connections) {
            message.putInt(connection.record().length).put(connection.record());
        }
        return message.array();
    }

    /** The number behind the type; -1 if there is none. */
    static int number(byte[] message) {
        return message.length < HEAD
                ? -1
                : ByteBuffer.wrap(message, 1, Integer.BYTES).getInt();
    }

    /**
     * The records of a message of type {@link #CONNECTIONS}.
     *
     * @param count how many descriptors have come with it: fewer, if some of them are lost
     * @throws IOException if that is no such message
     */
    static List<byte[]> records(byte[] message, int count) throws IOException {
        List<byte[]> records = new ArrayList<>(count);
        try {
            ByteBuffer rest = ByteBuffer.wrap(message).position(HEAD);
            while (rest.hasRemaining()) {
                byte[] record = new byte[length(rest)];
                rest.get(record);
                records.add(record);
            }
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw new IOException("a message of " + message.length + " bytes is cut", e);
        }
        if (records.size() < count) {
            throw new IOException(count + " descriptors came with " + records.size() + " records");
        }
        return records;
    }

    private static int length(ByteBuffer rest) throws IOException {
        int length = rest.getInt();
        if (length < 0 || length > rest.remaining()) {
            throw new IOException("a record of " + length + " bytes, " + rest.remaining() + " are left");
        }
        return length;
    }
}
