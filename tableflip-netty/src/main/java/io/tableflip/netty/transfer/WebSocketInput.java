package io.tableflip.netty.transfer;

import io.netty.buffer.ByteBuf;

/** Where the frames of a WebSocket connection end, seen from their bytes. */
final class WebSocketInput {
    private static final int CLOSE = 8;

    private final byte[] head = new byte[14];
    private int headRead;
    /** What has not come of the frame, once its head is there. */
    private long rest;

    private boolean atEnd = true;
    private long length;
    private boolean inFragments;
    private boolean closed;

    /** How many of these bytes belong to the frame that is being received, or begins. */
    int next(ByteBuf input) {
        if (atEnd) {
            atEnd = false;
            headRead = 0;
            length = 0;
        }
        int from = input.readerIndex();
        int at = from;
        while (!isHeadRead() && at < input.writerIndex()) {
            head[headRead++] = input.getByte(at);
            at++;
            if (isHeadRead()) {
                length = payload();
                rest = length;
            }
        }
        if (isHeadRead()) {
            int part = (int) Math.min(rest, input.writerIndex() - at);
            rest -= part;
            at += part;
            if (rest == 0) {
                end();
            }
        }
        return at - from;
    }

    private boolean isHeadRead() {
        return headRead >= 2 && headRead == 2 + lengthBytes() + ((head[1] & 0x80) == 0 ? 0 : 4);
    }

    private int lengthBytes() {
        int first = head[1] & 0x7F;
        return first < 126 ? 0 : first == 126 ? 2 : 8;
    }

    private long payload() {
        int bytes = lengthBytes();
        long value = bytes == 0 ? head[1] & 0x7F : 0;
        for (int i = 2; i < 2 + bytes; i++) {
            value = (value << 8) | (head[i] & 0xFF);
        }
        return Math.max(0, value); // the codec rejects what is negative
    }

    private void end() {
        atEnd = true;
        int opcode = head[0] & 0xF;
        if (opcode < CLOSE) {
            inFragments = (head[0] & 0x80) == 0;
        }
        closed |= opcode == CLOSE;
    }

    boolean isAtEnd() {
        return atEnd;
    }

    /** The length of the data of the frame; 0 while it is unknown. */
    long length() {
        return length;
    }

    /** The last fragment of a message was not received. */
    boolean isInFragments() {
        return inFragments;
    }

    /** The client has sent a close frame. */
    boolean isClosed() {
        return closed;
    }
}
