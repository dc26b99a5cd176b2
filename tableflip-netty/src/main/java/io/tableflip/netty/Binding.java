package io.tableflip.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.ClosedChannelException;

/**
 * How one channel gets its address.
 *
 * @param made knows the address
 * @param isBound whether the socket has it already: it was inherited, or is of Unix
 */
record Binding(ChannelMaker made, boolean isBound) {
    /** Binds the channel or, if its socket has an address, lets it be: then only its queue is made as long as it was configured. */
    void bind(Bound bound, ChannelHandlerContext ctx, SocketAddress requested, ChannelPromise promise) {
        SocketAddress address = made.address();
        if (!Addresses.same(address, requested)) {
            bound.failed(
                    promise,
                    new IllegalStateException(
                            "this channel was made for " + Addresses.text(address) + " and cannot be bound to "
                                    + Addresses.text(requested) + ": make one factory per address"));
        } else if (isBound) {
            listenAgain(bound, promise);
        } else {
            ctx.bind(requested).addListener(done -> {
                if (done.isSuccess()) {
                    bound.bound(promise);
                } else {
                    bound.failed(promise, made.bindFailure(done.cause()));
                }
            });
        }
    }

    private void listenAgain(Bound bound, ChannelPromise promise) {
        try {
            Channel channel = bound.channel();
            if (!channel.isOpen()) {
                // Its number may be somebody else's by now.
                throw new ClosedChannelException();
            }
            Integer backlog = channel.config().getOption(ChannelOption.SO_BACKLOG);
            if (made.kind().isListener() && backlog != null) {
                ((Socket) ((UnixChannel) channel).fd()).listen(backlog);
            }
            bound.bound(promise);
        } catch (IOException e) {
            bound.failed(promise, made.bindFailure(e));
        }
    }
}
