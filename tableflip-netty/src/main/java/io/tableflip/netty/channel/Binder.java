package io.tableflip.netty.channel;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import java.io.IOException;
import java.net.BindException;
import java.net.SocketAddress;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.CompletableFuture;

/**
 * How one channel gets its address.
 *
 * @param failure what a failure is made of
 * @param isBound whether the socket has it already: it was inherited, or is a Unix socket
 */
record Binder(SocketAddress address, SocketKind kind, BindFailure failure, boolean isBound) {
    /**
     * Binds the channel. If its socket has an address, only its queue is made as long as configured. On the
     * loop.
     *
     * @return fails with an {@link IllegalStateException} if another address is requested, otherwise with a
     *     {@link BindException}
     */
    CompletableFuture<Void> bind(ChannelHandlerContext ctx, SocketAddress requested) {
        if (!Addresses.same(address, requested)) {
            return CompletableFuture.failedFuture(new IllegalStateException(
                    "this channel was made for " + Addresses.text(address) + " and cannot be bound to "
                            + Addresses.text(requested) + ": make one factory per address"));
        }
        CompletableFuture<Void> bound = new CompletableFuture<>();
        if (isBound) {
            listenAgain(ctx.channel(), bound);
        } else {
            ctx.bind(requested).addListener(done -> {
                if (done.isSuccess()) {
                    bound.complete(null);
                } else {
                    bound.completeExceptionally(failure.of(done.cause()));
                }
            });
        }
        return bound;
    }

    private void listenAgain(Channel channel, CompletableFuture<Void> bound) {
        try {
            if (!channel.isOpen()) {
                throw new ClosedChannelException(); // its number may be somebody else's by now
            }
            Integer backlog = channel.config().getOption(ChannelOption.SO_BACKLOG);
            if (kind.isListener() && backlog != null) {
                ((Socket) ((UnixChannel) channel).fd()).listen(backlog);
            }
            bound.complete(null);
        } catch (IOException e) {
            bound.completeExceptionally(failure.of(e));
        }
    }
}
