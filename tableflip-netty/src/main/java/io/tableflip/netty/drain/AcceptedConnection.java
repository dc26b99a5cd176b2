package io.tableflip.netty.drain;

import static java.lang.System.Logger.Level.WARNING;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.tableflip.core.log.Log;
import io.tableflip.netty.DrainPolicy;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * An accepted connection. Known from the moment it was accepted, which is before it is registered with its
 * event loop and has its handlers: a drain that begins in between must neither forget it nor fire its event
 * into an empty pipeline.
 */
public final class AcceptedConnection {
    private static final System.Logger LOG = Log.get();

    private final Channel channel;
    private final DrainPolicy policy;
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private volatile @Nullable RunningDrain event;
    private @Nullable RunningDrain asked; // on the loop

    public AcceptedConnection(Channel channel, DrainPolicy policy) {
        this.channel = channel;
        this.policy = policy;
        channel.pipeline().addFirst(new Arrival());
        channel.closeFuture().addListener(done -> closed.complete(null));
    }

    public Channel channel() {
        return channel;
    }

    /** Completes when it is closed. */
    public CompletableFuture<Void> closed() {
        return closed;
    }

    /**
     * Notes that it is closed: Netty's acceptor closes a connection that it cannot register, sometimes later
     * and on another thread, and its close future never completes then.
     */
    public void checkOpen() {
        if (!channel.isOpen()) {
            closed.complete(null);
        }
    }

    /**
     * Notes that the connection is to leave, which it is asked as soon as it has its handlers. If it is
     * registered with its loop by then, {@link #deliver()} must be called there; otherwise that happens by
     * itself when it is.
     */
    void attach(RunningDrain drain) {
        synchronized (this) {
            // A drain that was called off while it waited for its time must not take the place of the next
            // one.
            if (!drain.isCancelled()) {
                if (!drain.isSelective()) {
                    drain.attach(channel);
                }
                event = drain;
            }
        }
    }

    /** The time over which the connections of its listener are to be spread. */
    Duration window() {
        return policy.window();
    }

    /**
     * The loop has ended. Netty does not close every channel when that happens; nobody can serve this one any
     * more.
     */
    void loopEnded() {
        closed.complete(null);
    }

    /** Asks the connection to leave, once. On its loop. */
    void deliver() {
        RunningDrain current = event;
        if (current == null || current == asked || current.isCancelled()) {
            return;
        }
        asked = current;
        if (current.isSelective()) {
            if (!current.selects(channel)) {
                return;
            }
            current.attach(channel);
        }
        LingeringClose.install(channel, current);
        try {
            policy.ask(channel, current);
            if (policy.isByHandlers()) {
                afterHandshake(() -> current.logIfUnanswered(channel));
            }
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, "drain by " + policy + " failed for " + channel, e);
        }
    }

    /** Immediately, but in a TLS handshake when all handlers have learnt of its end. */
    private void afterHandshake(Runnable action) {
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls == null || tls.handshakeFuture().isDone()) {
            action.run();
        } else {
            tls.handshakeFuture().addListener(handshaken -> channel.eventLoop().execute(action));
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
