package io.tableflip.netty.engine;

import io.netty.channel.Channel;
import io.netty.channel.unix.UnixChannel;
import io.netty.handler.ssl.SslHandler;
import io.tableflip.core.transfer.ConnectionSender.Connection;
import org.jspecify.annotations.Nullable;

/** A connection that is to be transferred. On its event loop. */
public final class Candidate {
    /** That of a connection whose pipeline has no handler that knows boundaries. */
    private static final String NO_HANDLER = "no transfer handler";

    private final Channel channel;
    private final Transferable transferable;
    private boolean prepared;
    /** Credit was taken for it. */
    private boolean credited;

    Candidate(Channel channel, Transferable transferable) {
        this.channel = channel;
        this.transferable = transferable;
    }

    /**
     * Why this connection can never be transferred, as a short name; {@code null} if it can be at some
     * boundary. On its event loop.
     */
    public static @Nullable String neverReason(Channel channel) {
        Transferable transferable = Transferable.of(channel);
        if (transferable != null) {
            return transferable.neverReason();
        }
        return channel.pipeline().get(SslHandler.class) == null ? NO_HANDLER : "tls";
    }

    Channel channel() {
        return channel;
    }

    @Nullable
    String neverReason() {
        return transferable.neverReason();
    }

    boolean isCredited() {
        return credited;
    }

    void credited(boolean isCredited) {
        credited = isCredited;
    }

    /** @param settled called whenever it may have come to a boundary */
    void prepare(Runnable settled) {
        if (!prepared) {
            prepared = true;
            channel.closeFuture().addListener(closed -> settled.run());
            transferable.prepare(settled);
        }
    }

    @Nullable
    String obstacle() {
        return transferable.obstacle();
    }

    Connection connection() {
        return new Connection(((UnixChannel) channel).fd().intValue(), transferable.record());
    }

    void transferred() {
        transferable.transferred();
    }

    void callOff() {
        if (prepared) {
            transferable.callOff();
        }
    }
}
