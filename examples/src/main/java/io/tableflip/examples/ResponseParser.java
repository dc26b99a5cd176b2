package io.tableflip.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * Takes one HTTP/1.1 response as it arrives, and nothing that is not exactly one. Not thread-safe.
 *
 * <p>A response whose end only the end of the connection would show is refused: nobody could tell it from one that was
 * cut off.
 */
final class ResponseParser {
    private static final String PROTOCOL = "HTTP/1.1 ";
    private static final int MAX_LINE = 8 * 1024;
    private static final int MAX_BODY = 16 * 1024 * 1024;

    private enum Part {
        STATUS,
        HEADER,
        BODY,
        CHUNK_SIZE,
        CHUNK,
        CHUNK_END,
        TRAILER,
        DONE
    }

    private final StringBuilder line = new StringBuilder();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private Part part = Part.STATUS;
    private int status;
    private long length = -1;
    private boolean chunked;
    private boolean close;
    private long remaining;

    /** Whether a byte of the response has arrived. */
    boolean begun() {
        return part != Part.STATUS || line.length() > 0;
    }

    boolean done() {
        return part == Part.DONE;
    }

    int status() {
        return status;
    }

    /** Whether the server said that it will close the connection. */
    boolean close() {
        return close;
    }

    String body() {
        return body.toString(UTF_8);
    }

    /** Takes what has arrived. Bytes beyond the end of the response are an error. */
    void feed(ByteBuffer bytes) throws BadResponseException {
        while (bytes.hasRemaining()) {
            switch (part) {
                case BODY, CHUNK -> takeBody(bytes);
                case DONE -> throw new BadResponseException(bytes.remaining() + " bytes after the end of the response");
                default -> takeByte((char) (bytes.get() & 0xff));
            }
        }
    }

    private void takeBody(ByteBuffer bytes) {
        int count = (int) Math.min(remaining, bytes.remaining());
        byte[] some = new byte[count];
        bytes.get(some);
        body.write(some, 0, count);
        remaining -= count;
        if (remaining == 0) {
            part = part == Part.BODY ? Part.DONE : Part.CHUNK_END;
        }
    }

    private void takeByte(char next) throws BadResponseException {
        int at = line.length();
        line.append(next);
        // Not left to the end of the line: garbage may have none.
        if (part == Part.STATUS && at < PROTOCOL.length() && next != PROTOCOL.charAt(at)) {
            throw new BadResponseException("not an HTTP/1.1 response: " + quoted(line));
        }
        if (at >= MAX_LINE) {
            throw new BadResponseException("a line of more than " + MAX_LINE + " bytes");
        }
        if (next != '\n') {
            return;
        }
        if (at == 0 || line.charAt(at - 1) != '\r') {
            throw new BadResponseException("a line that does not end in CR LF: " + quoted(line));
        }
        String whole = line.substring(0, at - 1);
        line.setLength(0);
        takeLine(whole);
    }

    private void takeLine(String text) throws BadResponseException {
        switch (part) {
            case STATUS -> takeStatus(text);
            case HEADER -> takeHeader(text);
            case CHUNK_SIZE -> takeChunkSize(text);
            case CHUNK_END -> {
                if (!text.isEmpty()) {
                    throw new BadResponseException("bytes after the end of a chunk: " + quoted(text));
                }
                part = Part.CHUNK_SIZE;
            }
            case TRAILER -> part = text.isEmpty() ? Part.DONE : Part.TRAILER;
            default -> throw new IllegalStateException(part.name());
        }
    }

    private void takeStatus(String text) throws BadResponseException {
        String rest = text.substring(PROTOCOL.length());
        status = (int) number(rest.length() > 3 && rest.charAt(3) == ' ' ? rest.substring(0, 3) : rest, 10, "status");
        if (status < 200 || status > 599) {
            throw new BadResponseException("status " + status);
        }
        part = Part.HEADER;
    }

    private void takeHeader(String text) throws BadResponseException {
        if (text.isEmpty()) {
            beginBody();
            return;
        }
        int colon = text.indexOf(':');
        if (colon < 1) {
            throw new BadResponseException("not a header: " + quoted(text));
        }
        String value = text.substring(colon + 1).trim();
        switch (text.substring(0, colon).toLowerCase(Locale.ROOT)) {
            case "content-length" -> takeLength(value);
            case "transfer-encoding" -> takeEncoding(value);
            case "connection" -> close |= value.equalsIgnoreCase("close");
            default -> {} // says nothing about where the response ends
        }
    }

    private void takeLength(String value) throws BadResponseException {
        if (length >= 0) {
            throw new BadResponseException("two lengths");
        }
        length = number(value, 10, "length");
    }

    private void takeEncoding(String value) throws BadResponseException {
        if (chunked || !value.equalsIgnoreCase("chunked")) {
            throw new BadResponseException("transfer encoding " + quoted(value));
        }
        chunked = true;
    }

    private void beginBody() throws BadResponseException {
        if (chunked == (length >= 0)) {
            throw new BadResponseException(chunked ? "chunked and with a length" : "neither chunked nor with a length");
        }
        remaining = length;
        part = chunked ? Part.CHUNK_SIZE : length > 0 ? Part.BODY : Part.DONE;
    }

    private void takeChunkSize(String text) throws BadResponseException {
        int extension = text.indexOf(';');
        remaining = number(extension < 0 ? text : text.substring(0, extension).trim(), 16, "size of a chunk");
        part = remaining > 0 ? Part.CHUNK : Part.TRAILER;
    }

    private long number(String text, int radix, String what) throws BadResponseException {
        boolean plain = !text.isEmpty() && text.length() <= 9;
        for (int i = 0; i < text.length(); i++) {
            plain &= Character.digit(text.charAt(i), radix) >= 0;
        }
        if (!plain) {
            throw new BadResponseException("not a " + what + ": " + quoted(text));
        }
        long number = Long.parseLong(text, radix);
        if (body.size() + number > MAX_BODY) {
            throw new BadResponseException("a body of more than " + MAX_BODY + " bytes");
        }
        return number;
    }

    private static String quoted(CharSequence text) {
        String some = text.length() <= 60 ? text.toString() : text.subSequence(0, 60) + "...";
        // Bytes that are no text would garble the terminal of whoever reads this.
        return '"' + some.replaceAll("[^\\x20-\\x7e]", "?") + '"';
    }
}
