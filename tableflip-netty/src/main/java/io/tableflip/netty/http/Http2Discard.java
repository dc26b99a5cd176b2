package io.tableflip.netty.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.util.ReferenceCountUtil;

/**
 * Sits right before an HTTP/2 codec while the connection is being closed. If the codec got what a client goes
 * on sending it would answer, which fails by then, and close the connection for that; but if nobody read it,
 * the kernel would reset the connection. Either could destroy what is on its way to the client.
 */
final class Http2Discard extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        ReferenceCountUtil.release(msg);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
        if (evt instanceof ChannelInputShutdownEvent) {
            ctx.channel().close();
        }
        ctx.fireUserEventTriggered(evt);
    }
}
