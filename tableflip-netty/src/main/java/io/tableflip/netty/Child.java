package io.tableflip.netty;

import static java.lang.System.Logger.Level.WARNING;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * An accepted connection. Known from the moment it was accepted, which is before it is registered with its event loop
 * and has its handlers: a drain that begins in between must neither forget it nor fire its event into an empty pipeline.
 */
final class Child {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Channel channel;
    private final Drain policy;
    private final CompletableFuture<Void> gone = new CompletableFuture<>();
    private volatile @Nullable DrainEvent event;
    private @Nullable DrainEvent asked; // on the loop

    Child(Channel channel, Drain policy) {
        this.channel = channel;
        this.policy = policy;
        channel.pipeline().addFirst(new Arrival());
        channel.closeFuture().addListener(closed -> gone.complete(null));
    }

    Channel channel() {
        return channel;
    }

    /** Completes when it is closed. */
    CompletableFuture<Void> gone() {
        return gone;
    }

    /**
     * Notes that it is gone if it is closed: Netty's acceptor closes a connection that it cannot register, sometimes later and
     * on another thread, and its close future never completes then.
     */
    void checkOpen() {
        if (!channel.isOpen()) {
            gone.complete(null);
        }
    }

    /**
     * Notes that the connection is to leave, which it is asked as soon as it has its handlers. If it is registered with its loop
     * by then, {@link #deliver()} must be called there; otherwise that happens by itself when it is.
     */
    void attach(DrainEvent drain) {
        synchronized (this) {
            // A drain that was called off while it waited for its time must not take the place of the next one.
            if (!drain.isCancelled()) {
                drain.attachTo(channel);
                event = drain;
            }
        }
    }

    /** The time over which the connections of its listener are to be spread. */
    Duration window() {
        return policy.window();
    }

    /** The loop has ended. Netty does not close every channel when that happens; nobody can serve this one any more. */
    void loopEnded() {
        gone.complete(null);
    }

    /** Asks the connection to leave, once. On its loop. */
    void deliver() {
        DrainEvent current = event;
        if (current == null || current == asked || current.isCancelled()) {
            return;
        }
        asked = current;
        try {
            policy.ask(channel, current);
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, "drain by " + policy + " failed for " + channel, e);
        }
    }

    @Override
    public String toString() {
        return channel.toString();
    }

    /** Sits first in the pipeline until the channel is registered; its handlers have been added by then. */
    private final class Arrival extends ChannelInboundHandlerAdapter {
        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            try {
                ctx.fireChannelActive();
                if (!ctx.isRemoved()) {
                    ctx.pipeline().remove(this);
                }
            } finally {
                deliver();
            }
        }
    }
}
