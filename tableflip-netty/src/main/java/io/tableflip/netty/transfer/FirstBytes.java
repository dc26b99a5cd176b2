package io.tableflip.netty.transfer;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelPipeline;
import org.jspecify.annotations.Nullable;

/**
 * What stands in front of the protocol of a connection: nothing, or a header of the PROXY protocol if the
 * pipeline has Netty's decoder for it. That header is kept, since the new process needs it.
 */
final class FirstBytes {
    private boolean over;
    private @Nullable ProxyHeader header;

    /** How many of these bytes still belong to it. */
    int length(ChannelPipeline pipeline, ByteBuf input) {
        if (header == null) {
            if (!Handlers.isProxyProtocol(pipeline)) {
                over = true;
                return 0;
            }
            header = new ProxyHeader();
        }
        int length = header.read(input);
        over = !header.isIncomplete();
        return length;
    }

    /** What follows belongs to the protocol. */
    boolean isOver() {
        return over;
    }

    /** Those that have come, while it is not over. */
    byte[] begun() {
        return over || header == null ? new byte[0] : header.bytes();
    }

    /** Those that have come, once it is over. */
    byte[] preface() {
        return over && header != null ? header.bytes() : new byte[0];
    }
}
