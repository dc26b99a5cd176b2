package io.tableflip.netty;

import static java.util.Objects.requireNonNull;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufOutputStream;
import io.netty.channel.AbstractChannel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelMetadata;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.channel.FileRegion;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DefaultSocketChannelConfig;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.SocketChannelConfig;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.Channels;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection inside this process, without a socket. To a pipeline it looks like one of TCP, since handlers and
 * initializers are written for {@link SocketChannel}. Both ends are on the same event loop, and all here happens on that.
 */
final class ReplayChannel extends AbstractChannel implements SocketChannel {
    private static final ChannelMetadata METADATA = new ChannelMetadata(false, 16);
    private static final InetSocketAddress NOWHERE = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private final SocketChannelConfig config = new DefaultSocketChannelConfig(this, new NoSocket());
    private final Queue<ByteBuf> received = new ArrayDeque<>();
    private @Nullable ReplayChannel peer;
    private boolean wantsToRead;
    private boolean peerHasEnded;
    private volatile boolean closed;
    private volatile boolean inputShutdown;
    private volatile boolean outputShutdown;

    ReplayChannel() {
        super(null);
    }

    /** Makes one connection of two ends that are not registered yet. */
    void connectTo(ReplayChannel other) {
        peer = other;
        other.peer = this;
    }

    private ReplayChannel peer() {
        return requireNonNull(peer);
    }

    // ---- what comes in

    private void receive(ByteBuf bytes) {
        if (closed) {
            bytes.release();
            return;
        }
        received.add(bytes);
        deliver();
    }

    private void peerEnded() {
        peerHasEnded = true;
        deliver();
    }

    @Override
    protected void doBeginRead() {
        wantsToRead = true;
        if (!received.isEmpty() || peerHasEnded) {
            eventLoop().execute(this::deliver);
        }
    }

    private void deliver() {
        if (!wantsToRead || closed || (received.isEmpty() && !peerHasEnded)) {
            return;
        }
        wantsToRead = false;
        boolean any = false;
        for (ByteBuf bytes = received.poll(); bytes != null; bytes = received.poll()) {
            any = true;
            pipeline().fireChannelRead(bytes);
        }
        if (any) {
            pipeline().fireChannelReadComplete();
        }
        if (peerHasEnded && !inputShutdown && !closed) {
            if (Boolean.TRUE.equals(config.isAllowHalfClosure())) {
                inputShutdown = true;
                pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
            } else {
                unsafe().close(voidPromise());
            }
        }
    }

    // ---- what goes out

    @Override
    protected Object filterOutboundMessage(Object message) {
        if (message instanceof ByteBuf || message instanceof FileRegion) {
            return message;
        }
        throw new UnsupportedOperationException("neither bytes nor a file: " + message.getClass());
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer buffer) throws IOException {
        for (Object message = buffer.current(); message != null; message = buffer.current()) {
            ByteBuf bytes = message instanceof FileRegion region ? read(region) : ((ByteBuf) message).retain();
            ReplayChannel to = peer();
            eventLoop().execute(() -> to.receive(bytes));
            buffer.remove();
        }
    }

    private ByteBuf read(FileRegion region) throws IOException {
        ByteBuf bytes = alloc().buffer();
        try {
            while (region.transferred() < region.count()) {
                if (region.transferTo(Channels.newChannel(new ByteBufOutputStream(bytes)), region.transferred()) <= 0) {
                    throw new IOException("the file is shorter than it was said to be");
                }
            }
            return bytes;
        } catch (IOException | RuntimeException e) {
            bytes.release();
            throw e;
        }
    }

    // ---- the end

    @Override
    protected void doClose() {
        closed = true;
        wantsToRead = false;
        received.forEach(ReferenceCountUtil::release);
        received.clear();
        endOutput();
    }

    private void endOutput() {
        if (!outputShutdown) {
            outputShutdown = true;
            ReplayChannel to = peer();
            eventLoop().execute(to::peerEnded);
        }
    }

    @Override
    protected void doShutdownOutput() {
        endOutput();
    }

    @Override
    protected void doDisconnect() {
        doClose();
    }

    @Override
    public ChannelFuture shutdownOutput() {
        return shutdownOutput(newPromise());
    }

    @Override
    public ChannelFuture shutdownOutput(ChannelPromise promise) {
        return onLoop(promise, this::endOutput);
    }

    @Override
    public ChannelFuture shutdownInput() {
        return shutdownInput(newPromise());
    }

    @Override
    public ChannelFuture shutdownInput(ChannelPromise promise) {
        return onLoop(promise, () -> inputShutdown = true);
    }

    @Override
    public ChannelFuture shutdown() {
        return shutdown(newPromise());
    }

    @Override
    public ChannelFuture shutdown(ChannelPromise promise) {
        return onLoop(promise, () -> {
            inputShutdown = true;
            endOutput();
        });
    }

    private ChannelFuture onLoop(ChannelPromise promise, Runnable change) {
        eventLoop().execute(() -> {
            change.run();
            promise.setSuccess();
        });
        return promise;
    }

    @Override
    public boolean isInputShutdown() {
        return inputShutdown || closed;
    }

    @Override
    public boolean isOutputShutdown() {
        return outputShutdown || closed;
    }

    @Override
    public boolean isShutdown() {
        return isInputShutdown() && isOutputShutdown();
    }

    // ---- what a channel is

    @Override
    protected AbstractUnsafe newUnsafe() {
        return new AbstractUnsafe() {
            @Override
            public void connect(SocketAddress remote, SocketAddress local, ChannelPromise promise) {
                promise.setFailure(new UnsupportedOperationException("it is connected"));
            }
        };
    }

    @Override
    protected boolean isCompatible(EventLoop loop) {
        return true;
    }

    @Override
    protected void doBind(SocketAddress address) {
        throw new UnsupportedOperationException("it is connected");
    }

    @Override
    public SocketChannelConfig config() {
        return config;
    }

    @Override
    public ChannelMetadata metadata() {
        return METADATA;
    }

    @Override
    public boolean isOpen() {
        return !closed;
    }

    @Override
    public boolean isActive() {
        return !closed;
    }

    @Override
    public @Nullable ServerSocketChannel parent() {
        return null;
    }

    @Override
    public InetSocketAddress localAddress() {
        return NOWHERE;
    }

    @Override
    public InetSocketAddress remoteAddress() {
        return NOWHERE;
    }

    @Override
    protected SocketAddress localAddress0() {
        return NOWHERE;
    }

    @Override
    protected SocketAddress remoteAddress0() {
        return NOWHERE;
    }
}
