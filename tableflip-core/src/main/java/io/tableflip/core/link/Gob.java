package io.tableflip.core.link;

import io.tableflip.core.text.RawString;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The one Go value of the protocol: {@code [][]string} in the encoding of Go's package {@code encoding/gob},
 * of which this knows no more than that value needs.
 *
 * <p>A gob stream is a sequence of messages, each with its length before it. The first ones define types (a
 * negative type number), the last one carries the value. The definitions are the same for every value, so
 * they are constant here, and skipped on reading once it is certain that the value has the right shape: Go
 * numbers types as it meets them, so the number of the value's type differs between programs.
 */
public final class Gob {
    // More than any sensible table of descriptors needs. They bound time and memory, whatever a broken parent
    // sends.
    /** For all messages together. */
    static final int LIMIT = 4 << 20;

    static final int MAX_NAMES = 1 << 16;
    static final int MAX_PARTS = 8;

    /** Go writes two. */
    private static final int MAX_TYPES = 64;

    /** What Go writes before the value: type 65 is a slice of type 66, and 66 a slice of strings (type 6). */
    private static final byte[] TYPES =
            HexFormat.of().parseHex("0dff83020102ff840001ff8200000cff81020102ff8200010c0000");

    private static final byte[] VALUE_HEAD = HexFormat.of().parseHex("ff8400");

    private Gob() {}

    public static byte[] encode(List<List<String>> value) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.writeBytes(VALUE_HEAD);
        writeUnsigned(body, value.size());
        for (List<String> strings : value) {
            writeUnsigned(body, strings.size());
            for (String string : strings) {
                byte[] bytes = RawString.encode(string);
                writeUnsigned(body, bytes.length);
                body.writeBytes(bytes);
            }
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(TYPES);
        writeUnsigned(all, body.size());
        all.writeBytes(body.toByteArray());
        return all.toByteArray();
    }

    /**
     * Reads one value and not a byte more.
     *
     * @throws EOFException if the stream ends before
     * @throws IOException if this is not the value
     */
    public static List<List<String>> decode(InputStream in) throws IOException {
        int left = LIMIT;
        for (int types = 0; types <= MAX_TYPES; types++) {
            int length = (int) readUnsigned(in, left, "length of a message");
            left -= length;
            byte[] body = in.readNBytes(length);
            if (body.length < length) {
                throw new EOFException("end of stream inside a message");
            }
            Cursor cursor = new Cursor(body);
            if (cursor.signed() >= 0) {
                return value(cursor);
            }
        }
        throw new IOException("more than " + MAX_TYPES + " definitions of types");
    }

    private static List<List<String>> value(Cursor cursor) throws IOException {
        if (cursor.unsigned() != 0) {
            throw new IOException("not a list of names");
        }
        int outer = cursor.count(MAX_NAMES);
        List<List<String>> value = new ArrayList<>();
        for (int i = 0; i < outer; i++) {
            int inner = cursor.count(MAX_PARTS);
            List<String> strings = new ArrayList<>();
            for (int j = 0; j < inner; j++) {
                strings.add(cursor.string());
            }
            value.add(strings);
        }
        if (cursor.left() != 0) {
            throw new IOException(cursor.left() + " bytes too many");
        }
        return value;
    }

    private static void writeUnsigned(ByteArrayOutputStream out, int value) {
        if (value < 0x80) {
            out.write(value);
            return;
        }
        int bytes = (39 - Integer.numberOfLeadingZeros(value)) / 8;
        out.write(-bytes);
        for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
            out.write(value >>> shift);
        }
    }

    private static long readUnsigned(InputStream in, long limit, String what) throws IOException {
        int first = readByte(in);
        long value = first;
        if (first >= 0x80) {
            int bytes = 0x100 - first;
            if (bytes > 8) {
                throw new IOException(what + ": not a number");
            }
            value = 0;
            for (int i = 0; i < bytes; i++) {
                value = (value << 8) | readByte(in);
            }
        }
        if (value < 0 || value > limit) {
            throw new IOException(what + ": " + Long.toUnsignedString(value) + " is too much");
        }
        return value;
    }

    private static int readByte(InputStream in) throws IOException {
        int b = in.read();
        if (b < 0) {
            throw new EOFException("end of stream inside a number");
        }
        return b;
    }

    /** A position in the body of a message. */
    private static final class Cursor {
        private final ByteArrayInputStream in;

        Cursor(byte[] body) {
            in = new ByteArrayInputStream(body);
        }

        int left() {
            return in.available();
        }

        long unsigned() throws IOException {
            return readUnsigned(in, Long.MAX_VALUE, "number");
        }

        long signed() throws IOException {
            long bits = unsigned();
            return (bits & 1) == 0 ? bits >>> 1 : ~(bits >>> 1);
        }

        /** A number of things of which each takes a byte at least. */
        int count(int limit) throws IOException {
            return (int) readUnsigned(in, Math.min(limit, left()), "count");
        }

        String string() throws IOException {
            int length = count(LIMIT);
            byte[] bytes = in.readNBytes(length);
            if (bytes.length < length) {
                throw new EOFException("end of message inside a string");
            }
            return RawString.decode(bytes);
        }
    }
}
