package io.netty.handler.codec.haproxy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.List;

/** Stands in for Netty's, which is known by its name: takes a header, fires it as a message, and goes. */
public final class HAProxyMessageDecoder extends ByteToMessageDecoder {
    private boolean finished;

    public HAProxyMessageDecoder() {
        setSingleDecode(true);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) throws Exception {
        super.channelRead(ctx, msg);
        if (finished) {
            ctx.pipeline().remove(this);
        }
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        int length = in.getByte(in.readerIndex()) == 'P' ? lineLength(in) : binaryLength(in);
        if (length > 0 && length <= in.readableBytes()) {
            byte[] header = new byte[length];
            in.readBytes(header);
            out.add(header);
            finished = true;
        }
    }

    private static int lineLength(ByteBuf in) {
        int end = in.indexOf(in.readerIndex(), in.writerIndex(), (byte) '\n');
        return end < 0 ? 0 : end + 1 - in.readerIndex();
    }

    private static int binaryLength(ByteBuf in) {
        return in.readableBytes() < 16 ? 0 : 16 + in.getUnsignedShort(in.readerIndex() + 14);
    }
}
