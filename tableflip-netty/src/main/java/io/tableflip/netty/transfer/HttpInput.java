package io.tableflip.netty.transfer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;

/**
 * Where requests may end in what is read. Heads, chunks and trailers end with an empty line, other bodies
 * after their length. Whether a request does end there tells the codec, to which the bytes are passed on.
 */
final class HttpInput {
    /** No request has begun for the codec; bytes of its head may have been passed on. */
    private boolean inHead = true;
    /** The line that has begun is empty so far. */
    private boolean lineEmpty = true;
    /** What has not been received of a body whose length is known. */
    private long body;
    /** How many requests the codec has found in the part that is being passed on. */
    private int heads;
    /** The last one has ended there. */
    private boolean ended;

    private boolean failed;

    /**
     * How many of these bytes are to be passed on next.
     *
     * @param many a part may be several requests
     */
    int next(ByteBuf input, boolean many) {
        if (body > 0) {
            return (int) Math.min(body, input.readableBytes());
        }
        if (many && inHead && lineEmpty && endsWithEmptyLine(input)) {
            return input.readableBytes();
        }
        return toEmptyLine(input);
    }

    /**
     * Wherever requests end in these bytes, nothing of another one is behind the last. Bodies are counted by
     * what the codec makes of them.
     */
    private static boolean endsWithEmptyLine(ByteBuf input) {
        int end = input.writerIndex();
        return input.readableBytes() >= 4 && input.getInt(end - 4) == 0x0D0A0D0A;
    }

    /** To the end of the first empty line, or of what there is. */
    private int toEmptyLine(ByteBuf input) {
        int from = input.readerIndex();
        int to = input.writerIndex();
        int at = from;
        while (at < to) {
            int feed = input.indexOf(at, to, (byte) '\n');
            int end = feed < 0 ? to : feed;
            while (lineEmpty && at < end) {
                lineEmpty = input.getByte(at) == '\r';
                at++;
            }
            if (feed < 0) {
                break;
            }
            if (lineEmpty) {
                return feed + 1 - from;
            }
            lineEmpty = true;
            at = feed + 1;
        }
        return to - from;
    }

    /** Where the last of so many heads begins, if these bytes are that and nothing else; -1 if not. */
    static int lastHead(byte[] bytes, int heads) {
        HttpInput lines = new HttpInput();
        ByteBuf rest = Unpooled.wrappedBuffer(bytes);
        int last = 0;
        int count = 0;
        while (rest.isReadable()) {
            last = rest.readerIndex();
            rest.skipBytes(lines.toEmptyLine(rest));
            count++;
        }
        return lines.lineEmpty && count == heads ? last : -1;
    }

    void partBegins() {
        heads = 0;
        ended = false;
    }

    /** What the codec has made of it is known. */
    void partPassed() {
        if (ended) {
            inHead = true;
            body = 0;
            lineEmpty = true;
        } else if (heads > 0) {
            inHead = false;
        }
    }

    void head(HttpRequest request) {
        heads++;
        ended = false;
        failed |= request.decoderResult().isFailure();
        body = failed ? 0 : length(request);
    }

    /** Of the body, if it has one of a known length. Most have none, which is quickly seen. */
    private static long length(HttpRequest request) {
        boolean isKnown = request.headers().contains(HttpHeaderNames.CONTENT_LENGTH)
                && !HttpUtil.isTransferEncodingChunked(request);
        return isKnown ? HttpUtil.getContentLength(request, 0L) : 0;
    }

    /** A part of a body, of so many bytes. */
    void content(int length) {
        body = Math.max(0, body - length);
    }

    /** The codec cannot read on. */
    void fail() {
        failed = true;
    }

    void end() {
        ended = true;
    }

    /** The body that was announced does not come. */
    void expectationFailed() {
        ended = true;
        partPassed();
    }

    int heads() {
        return heads;
    }

    boolean hasEnded() {
        return ended;
    }

    /** The part that was passed on is of no request that the codec knows. */
    boolean isUnknown() {
        return inHead && heads == 0 && !ended;
    }

    boolean isInHead() {
        return inHead;
    }

    boolean hasBody() {
        return body > 0;
    }

    boolean hasFailed() {
        return failed;
    }
}
