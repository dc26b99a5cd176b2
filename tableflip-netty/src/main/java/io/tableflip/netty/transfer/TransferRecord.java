package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What the new process has to know of one connection. A byte for the version and one for the kind of protocol
 * come first. Then comes each part: a byte that tells which one, the length as four bytes, the value. The
 * state of an application is a part whose value begins with its name.
 */
final class TransferRecord {
    /** In bytes. Records of many connections share a message of 64 KB. */
    static final int LONGEST = 60 * 1024;

    private static final int VERSION = 1;
    private static final int STATE = 0;

    /** The tap that can take it. */
    enum Kind {
        MESSAGES(0),
        HTTP(1);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        static Kind of(int code) {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new IllegalArgumentException("an unknown kind, " + code);
        }
    }

    /** With the byte that stands for it. */
    enum Part {
        /** Bytes that were read and are part of no message that the application has seen. */
        UNREAD(1),
        /** A header of the PROXY protocol. */
        PREFACE(2),
        /** The head of the request that asked for WebSocket. */
        UPGRADE(3),
        /** What the client was told in response to it. */
        NEGOTIATED(4),
        /** The last data of the client that its compressor may refer to. */
        WINDOW(5);

        private final int code;

        Part(int code) {
            this.code = code;
        }

        static Part of(int code) {
            for (Part part : values()) {
                if (part.code == code) {
                    return part;
                }
            }
            throw new IllegalArgumentException("an unknown part, " + code);
        }
    }

    private final Kind kind;
    private final Map<Part, byte[]> parts = new EnumMap<>(Part.class);
    private final Map<String, byte[]> states = new LinkedHashMap<>();

    TransferRecord(Kind kind) {
        this.kind = kind;
    }

    /** Adds a part, unless it is empty. */
    TransferRecord with(Part part, byte[] value) {
        if (value.length > 0) {
            parts.put(part, value);
        }
        return this;
    }

    TransferRecord withStates(Map<String, byte[]> all) {
        states.putAll(all);
        return this;
    }

    Kind kind() {
        return kind;
    }

    /** Empty if there is no such part. */
    byte[] part(Part part) {
        return parts.getOrDefault(part, new byte[0]);
    }

    Map<String, byte[]> states() {
        return states;
    }

    byte[] encode() {
        ByteArrayOutputStream to = new ByteArrayOutputStream(64);
        to.write(VERSION);
        to.write(kind.code);
        parts.forEach((part, value) -> write(to, part.code, value));
        states.forEach((name, value) -> {
            byte[] key = name.getBytes(UTF_8);
            ByteBuffer state = ByteBuffer.allocate(4 + key.length + value.length);
            write(to, STATE, state.putInt(key.length).put(key).put(value).array());
        });
        return to.toByteArray();
    }

    private static void write(ByteArrayOutputStream to, int tag, byte[] value) {
        to.write(tag);
        to.writeBytes(ByteBuffer.allocate(4).putInt(value.length).array());
        to.writeBytes(value);
    }

    /** @throws IllegalArgumentException if this version cannot read it */
    static TransferRecord decode(byte[] record) {
        ByteBuffer from = ByteBuffer.wrap(record);
        try {
            int version = from.get();
            if (version != VERSION) {
                throw new IllegalArgumentException("version " + version + ", not " + VERSION);
            }
            TransferRecord result = new TransferRecord(Kind.of(from.get()));
            while (from.hasRemaining()) {
                result.read(from.get(), ByteBuffer.wrap(bytes(from, from.getInt())));
            }
            return result;
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("cut off after " + record.length + " bytes", e);
        }
    }

    private void read(int tag, ByteBuffer value) {
        if (tag == STATE) {
            String name = new String(bytes(value, value.getInt()), UTF_8);
            states.put(name, bytes(value, value.remaining()));
        } else {
            parts.put(Part.of(tag), bytes(value, value.remaining()));
        }
    }

    private static byte[] bytes(ByteBuffer from, int length) {
        if (length < 0 || length > from.remaining()) {
            throw new IllegalArgumentException(
                    "a length of " + length + " where " + from.remaining() + " bytes follow");
        }
        byte[] result = new byte[length];
        from.get(result);
        return result;
    }
}
