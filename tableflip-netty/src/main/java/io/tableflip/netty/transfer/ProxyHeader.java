package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;

/**
 * Where a header of the PROXY protocol ends: a line that begins with PROXY, or the binary one of version 2.
 * Anything else, which the decoder rejects, ends with the first wrong byte.
 */
final class ProxyHeader {
    private static final byte[] LINE = "PROXY ".getBytes(US_ASCII);
    private static final byte[] BINARY = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
    private static final int LONGEST_LINE = 108;
    private static final int BINARY_HEAD = 16;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private boolean incomplete = true;
    private byte[] signature = LINE;
    /** As the last bytes of the binary head have it. */
    private int length;

    /** How many of these bytes belong to it. Their indices stay as they are. */
    int read(ByteBuf input) {
        int from = input.readerIndex();
        int at = from;
        while (incomplete && at < input.writerIndex()) {
            add(input.getByte(at));
            at++;
        }
        return at - from;
    }

    private void add(byte next) {
        int index = bytes.size();
        bytes.write(next);
        if (index == 0 && next == BINARY[0]) {
            signature = BINARY;
        }
        if (index < signature.length) {
            incomplete = next == signature[index];
        } else if (signature == LINE) {
            incomplete = next != '\n' && index + 1 < LONGEST_LINE;
        } else if (index < BINARY_HEAD) {
            length = index < BINARY_HEAD - 2 ? 0 : (length << 8) | (next & 0xFF);
            incomplete = index + 1 < BINARY_HEAD || length > 0;
        } else {
            incomplete = index + 1 < BINARY_HEAD + length;
        }
    }

    boolean isIncomplete() {
        return incomplete;
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }
}
