package io.tableflip.netty;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;

/** Closes one direction of a connection, under TLS in the words of TLS first. */
final class SendingSide {
    private SendingSide() {}

    /** Sends the end of the stream after what was flushed. A channel that has no sides is closed. */
    static void close(ChannelHandlerContext ctx) {
        SslHandler tls = ctx.pipeline().get(SslHandler.class);
        if (tls == null) {
            shutdown(ctx);
        } else {
            tls.closeOutbound().addListener(sent -> shutdown(ctx));
        }
    }

    private static void shutdown(ChannelHandlerContext ctx) {
        if (ctx.channel() instanceof DuplexChannel duplex) {
            duplex.shutdownOutput().addListener(done -> {
                if (!done.isSuccess()) {
                    ctx.close();
                }
            });
        } else {
            ctx.close();
        }
    }
}
