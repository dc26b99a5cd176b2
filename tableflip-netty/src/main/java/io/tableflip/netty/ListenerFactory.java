package io.tableflip.netty;

import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes the channel of one listener: inherited if there is such a one, else new. Thread-safe. */
final class ListenerFactory implements ChannelFactory<ServerChannel> {
    private final Upgrader upgrader;
    private final Map<FdName, Fd> claimed;
    private final FdName name;
    private final InetSocketAddress address;
    private final Drain policy;
    private @Nullable EpollServerSocketChannel made; // guarded by this

    /** @param claimed inherited descriptors that were claimed and could not be used so far */
    ListenerFactory(Upgrader upgrader, Map<FdName, Fd> claimed, FdName name, InetSocketAddress address, Drain policy) {
        this.upgrader = upgrader;
        this.claimed = claimed;
        this.name = name;
        this.address = address;
        this.policy = policy;
    }

    Upgrader upgrader() {
        return upgrader;
    }

    FdName name() {
        return name;
    }

    InetSocketAddress address() {
        return address;
    }

    Drain policy() {
        return policy;
    }

    @Override
    public synchronized ServerChannel newChannel() {
        try {
            EpollLoops.requireAvailable();
            if (made != null && made.isOpen()) {
                throw new IllegalStateException(
                        "this factory has made the channel of " + name + ": make one factory per address");
            }
            made = make();
            return made;
        } catch (IOException e) {
            upgrader.reportFailure(e);
            throw new ChannelException(e.getMessage(), e);
        } catch (RuntimeException e) {
            upgrader.reportFailure(e);
            throw e;
        }
    }

    private EpollServerSocketChannel make() throws IOException {
        NameLease lease = NameLease.take(upgrader.fds(), name);
        try {
            Fd fd = claim();
            EpollServerSocketChannel channel = fd == null ? new EpollServerSocketChannel() : adopt(fd);
            Listener.guard(this, channel, fd != null, lease);
            return channel;
        } catch (IOException | RuntimeException | Error e) {
            lease.free();
            throw e;
        }
    }

    private @Nullable Fd claim() {
        Fd before = claimed.remove(name);
        Fd fd = before != null ? before : upgrader.fds().inherit(name).orElse(null);
        if (fd == null && upgrader.fds().used().contains(name)) {
            throw NameLease.inUse(name);
        }
        return fd;
    }

    private EpollServerSocketChannel adopt(Fd fd) throws IOException {
        try {
            return InheritedSocket.adopt(fd, address);
        } catch (IOException | RuntimeException e) {
            claimed.put(name, fd);
            throw e;
        }
    }
}
