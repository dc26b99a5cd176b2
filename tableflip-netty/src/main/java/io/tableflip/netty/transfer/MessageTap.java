package io.tableflip.netty.transfer;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import org.jspecify.annotations.Nullable;

/**
 * Passes on whole messages, so that the decoders behind it never have half of one. Messages that are too long
 * to travel are passed on as they come.
 */
final class MessageTap extends Tap {
    private final MessageFraming framing;
    private @Nullable ByteBuf begun;
    /** What has not come of a message that is too long. */
    private long rest;

    MessageTap(MessageFraming framing, ChannelHandler owner) {
        super(TransferRecord.Kind.MESSAGES, owner);
        this.framing = framing;
    }

    @Override
    ByteBuf withKept(ChannelHandlerContext context, ByteBuf read) {
        ByteBuf all = begun == null ? read : Valve.join(context, begun, read);
        begun = null;
        return all;
    }

    @Override
    int next(ByteBuf input) {
        int readable = input.readableBytes();
        if (rest == 0) {
            long length = framing.lengthOf(input);
            if (length > 0 && length <= readable) {
                return (int) length;
            }
            if (length < 0 || (length == 0 && readable > TransferRecord.LONGEST)) {
                passOn("message without end"); // as far as its framing can tell
                return readable;
            }
            if (length <= TransferRecord.LONGEST) {
                return 0;
            }
            rest = length;
        }
        return (int) Math.min(rest, readable);
    }

    @Override
    void keep(ByteBuf input) {
        begun = input;
    }

    @Override
    void pass(ChannelHandlerContext context, ByteBuf part) {
        rest = Math.max(0, rest - part.readableBytes());
        context.fireChannelRead(part);
    }

    @Override
    @Nullable
    String inputObstacle() {
        return rest > 0 ? "message being received" : null;
    }

    @Override
    @Nullable
    String protocolObstacle() {
        return null;
    }

    @Override
    @Nullable
    String protocolNeverReason() {
        return null;
    }

    @Override
    @Nullable
    ByteBuf begun() {
        return begun;
    }

    @Override
    void describe(TransferRecord record) {}

    @Override
    void restore(ChannelHandlerContext context, TransferRecord record) {
        finishArrival(context);
    }

    @Override
    void giveUp(ChannelHandlerContext context) {
        ByteBuf bytes = begun;
        begun = null;
        if (bytes != null) {
            context.fireChannelRead(bytes);
        }
    }

    @Override
    void forget() {
        if (begun != null) {
            begun.release();
            begun = null;
        }
    }
}
