package io.tableflip.netty.transfer;

import io.netty.buffer.ByteBuf;

/** Where the messages of a protocol end. Called on the event loop of the connection. */
@FunctionalInterface
public interface MessageFraming {
    /**
     * The length of the message that begins at the reader index, all of its bytes included.
     *
     * @param input what was read and belongs to no complete message; its indices must stay as they are
     * @return 0 if more bytes are needed to know it; the length may be more than what is there
     */
    long lengthOf(ByteBuf input);

    /** Lines that end with {@code \n}. */
    static MessageFraming lines() {
        return input -> {
            int end = input.indexOf(input.readerIndex(), input.writerIndex(), (byte) '\n');
            return end < 0 ? 0 : end + 1L - input.readerIndex();
        };
    }

    /**
     * Messages with a length field, which Netty's {@code LengthFieldBasedFrameDecoder} takes with the same
     * numbers: big-endian, unsigned.
     *
     * @param offset of the field in the message
     * @param size of the field: 1, 2, 3, 4 or 8 bytes
     * @param adjustment what to add to the value of the field for the length of what follows the field
     */
    static MessageFraming lengthField(int offset, int size, int adjustment) {
        if (offset < 0 || (size != 1 && size != 2 && size != 3 && size != 4 && size != 8)) {
            throw new IllegalArgumentException("a length field at " + offset + " with " + size + " bytes");
        }
        return input -> {
            if (input.readableBytes() < offset + size) {
                return 0;
            }
            int at = input.readerIndex() + offset;
            long value = switch (size) {
                case 1 -> input.getUnsignedByte(at);
                case 2 -> input.getUnsignedShort(at);
                case 3 -> input.getUnsignedMedium(at);
                case 4 -> input.getUnsignedInt(at);
                default -> input.getLong(at);
            };
            return Math.max(offset + size, offset + size + adjustment + value);
        };
    }
}
