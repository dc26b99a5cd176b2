package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

/** Frames of a WebSocket client, a character for each byte. */
final class Frames {
    private static final String MASK = "\1\2\3\4";

    private Frames() {}

    static String text(String text) {
        return frame(true, 1, text);
    }

    static String frame(boolean isLast, int opcode, String data) {
        StringBuilder frame = new StringBuilder();
        frame.append((char) ((isLast ? 0x80 : 0) | opcode));
        if (data.length() < 126) {
            frame.append((char) (0x80 | data.length()));
        } else {
            frame.append((char) (0x80 | 126))
                    .append((char) (data.length() >> 8))
                    .append((char) (data.length() & 0xFF));
        }
        frame.append(MASK);
        for (int i = 0; i < data.length(); i++) {
            frame.append((char) (data.charAt(i) ^ MASK.charAt(i % 4)));
        }
        return frame.toString();
    }

    static byte[] bytes(String frames) {
        return frames.getBytes(ISO_8859_1);
    }
}
