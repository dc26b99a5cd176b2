package io.tableflip.netty.engine;

import static java.lang.System.Logger.Level.WARNING;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.tableflip.core.log.Log;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Sits first in the pipeline of a connection from the parent until its handlers are there, and closes it if
 * none of them knows what to do with what came along.
 */
public final class ArrivalCheck extends ChannelInboundHandlerAdapter {
    private static final System.Logger LOG = Log.get();
    private static final AtomicBoolean WARNED = new AtomicBoolean();

    private final IncomingConnection incoming;

    private ArrivalCheck(IncomingConnection incoming) {
        this.incoming = incoming;
    }

    /** Before the channel is registered. */
    public static void install(Channel channel, IncomingConnection incoming) {
        incoming.attach(channel);
        channel.pipeline().addFirst(new ArrivalCheck(incoming));
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        ctx.fireChannelActive();
        if (!incoming.isTaken()) {
            if (WARNED.compareAndSet(false, true)) {
                LOG.log(
                        WARNING,
                        "a connection from the parent is closed, since its pipeline has no transfer handler: "
                                + ctx.channel()
                                + "; add HttpTransferHandler or TransferHandler to it, or bind its listener without"
                                + " DrainPolicy.transferFirst(). Further ones are closed silently");
            }
            ctx.close();
        } else if (!ctx.isRemoved()) {
            ctx.pipeline().remove(this);
        }
    }
}
