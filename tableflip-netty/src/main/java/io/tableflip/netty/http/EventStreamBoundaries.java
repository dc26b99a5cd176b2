package io.tableflip.netty.http;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;

/**
 * Finds the places of an event stream at which no event is unfinished. An event ends with an empty line; a
 * line ends with CR, LF or both. Comments are no part of an event, and a {@code retry} has its effect when
 * its line ends: behind these a stream can end too.
 */
final class EventStreamBoundaries {
    private static final byte[] RETRY = "retry:".getBytes(US_ASCII);

    private boolean begun;
    /** How much of the line has come. */
    private int column;

    private boolean comment;
    /** The line is a retry, as far as it has come. */
    private boolean retry;
    /** Lines of an event have come, and not the empty one after them. */
    private boolean unfinished;

    private boolean afterCr;
    /**
     * Lines of this stream end with both. Then a CR is half of a line end: readers that are simpler than the
     * standard would not find the event that ends there.
     */
    private boolean crLf;

    /**
     * Takes note of the next part of the stream.
     *
     * @return the index behind the last boundary in it, -1 if there is none
     */
    int add(ByteBuf part) {
        int last = -1;
        for (int i = part.readerIndex(); i < part.writerIndex(); i++) {
            add(part.getByte(i));
            if (isHere()) {
                last = i + 1;
            }
        }
        return last;
    }

    private void add(byte b) {
        begun = true;
        boolean secondHalf = afterCr && b == '\n';
        afterCr = b == '\r';
        if (secondHalf) {
            crLf = true;
        } else if (b == '\n' || b == '\r') {
            endLine();
        } else {
            comment = column == 0 ? b == ':' : comment;
            retry = (column == 0 || retry) && (column >= RETRY.length || b == RETRY[column]);
            column = Math.min(column + 1, RETRY.length);
        }
    }

    private void endLine() {
        if (column == 0) {
            unfinished = false;
        } else if (!comment && !(retry && column == RETRY.length)) {
            unfinished = true;
        }
        column = 0;
    }

    /** Something has come. */
    boolean hasBegun() {
        return begun;
    }

    /** The stream could end here. */
    boolean isHere() {
        return column == 0 && !unfinished && !(afterCr && crLf);
    }
}
