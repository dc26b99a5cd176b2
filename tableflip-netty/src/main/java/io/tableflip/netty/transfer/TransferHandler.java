package io.tableflip.netty.transfer;

import static java.util.Objects.requireNonNull;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Makes the connections of a protocol transferable whose {@linkplain MessageFraming messages} can be told
 * from their bytes. Each connection needs a new one, which is added in the {@code childHandler}. Its place in
 * the pipeline is right behind the handlers that decode and encode the protocol.
 *
 * <p>Handlers get whole messages: an incomplete one is held back in front of the pipeline until its end has
 * come, and travels with the connection if that has not come yet. A message of more than 60 KiB is passed on
 * as it comes. The connection is not transferred before its end.
 *
 * <p>A connection is transferred between two messages of the client. This handler does not know which of them
 * have to be answered. An application that answers later than in {@code channelRead} postpones the transfer:
 *
 * <pre>{@code
 * public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
 *     if (event instanceof Leaving leaving) {
 *         leaving.state("session", session.toBytes());
 *         if (session.isComputing()) {
 *             Leaving.Postponement computing = leaving.postpone();
 *             session.whenAnswered(computing::end);
 *         }
 *     }
 *     ctx.fireUserEventTriggered(event);
 * }
 * }</pre>
 */
public final class TransferHandler extends ChannelInboundHandlerAdapter {
    private final MessageTap tap;

    /** Creates a handler for one connection. */
    public TransferHandler(MessageFraming framing) {
        tap = new MessageTap(requireNonNull(framing), this);
    }

    /** @throws IllegalStateException if the pipeline has a handler for transfers already */
    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        tap.install(ctx);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        tap.ownerRemoved();
    }
}
