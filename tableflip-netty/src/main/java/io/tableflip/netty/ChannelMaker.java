package io.tableflip.netty;

import static java.lang.System.Logger.Level.INFO;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFactory;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.UnixChannelOption;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import java.io.IOException;
import java.net.BindException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes the one channel of one name: inherited if there is such a one, else new. Thread-safe. */
final class ChannelMaker {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Upgrader upgrader;
    private final Map<FdName, Fd> claimed;
    private final Request request;
    private @Nullable Channel made; // guarded by this

    /**
     * What is to be made.
     *
     * @param isLogical whether the name is one of its own, so that its address may change
     * @param quiet for datagrams, {@code policy} for connections
     * @param inGroup whether other sockets shall have the same address
     */
    record Request(
            SocketKind kind,
            FdName name,
            boolean isLogical,
            SocketAddress address,
            Drain policy,
            Duration quiet,
            boolean inGroup,
            boolean nio,
            boolean replaceStale) {}

    /** @param claimed inherited descriptors that were claimed and could not be used so far */
    ChannelMaker(Upgrader upgrader, Map<FdName, Fd> claimed, Request request) {
        this.upgrader = upgrader;
        this.claimed = claimed;
        this.request = request;
    }

    Upgrader upgrader() {
        return upgrader;
    }

    FdName name() {
        return request.name;
    }

    SocketKind kind() {
        return request.kind;
    }

    SocketAddress address() {
        return request.address;
    }

    /** As a factory for a bootstrap, whose kind of channel it must be. */
    <C extends Channel> ChannelFactory<C> factory(Class<C> type) {
        return () -> type.cast(newChannel());
    }

    private synchronized Channel newChannel() {
        try {
            if (!request.nio) {
                EpollLoops.requireAvailable();
            }
            if (made != null && made.isOpen()) {
                throw new IllegalStateException(
                        "this factory has made the channel of " + name() + ": make one factory per address");
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

    private Channel make() throws IOException {
        NameLease lease = NameLease.take(upgrader.fds(), name());
        try {
            Fd fd = claim();
            return fd == null ? create(lease) : adopt(fd, lease);
        } catch (IOException | RuntimeException | Error e) {
            lease.free();
            throw e;
        }
    }

    private @Nullable Fd claim() {
        Fd before = claimed.remove(name());
        Fd fd = before != null ? before : upgrader.fds().inherit(name()).orElse(null);
        if (fd == null && upgrader.fds().used().contains(name())) {
            throw NameLease.inUse(name());
        }
        return fd;
    }

    private Channel create(NameLease lease) throws IOException {
        Channel channel = open();
        guard(channel, kind().isUnix(), false, lease, null);
        return channel;
    }

    private Channel open() throws IOException {
        if (request.nio) {
            return kind().createNio();
        }
        if (address() instanceof DomainSocketAddress unix) {
            try {
                return kind().adopt(UnixSockets.bind(kind(), unix, request.replaceStale)
                        .intValue());
            } catch (IOException e) {
                throw bindFailure(e);
            }
        }
        Channel channel = kind().create();
        if (request.inGroup) {
            channel.config().setOption(UnixChannelOption.SO_REUSEPORT, true);
        }
        return channel;
    }

    private Channel adopt(Fd fd, NameLease lease) throws IOException {
        try {
            InheritedSocket socket = InheritedSocket.bound(fd, kind());
            SocketAddress actual = socket.localAddress();
            if (Addresses.matches(address(), actual)) {
                Channel channel = socket.adopt(kind()::adopt);
                guard(channel, true, true, lease, null);
                return channel;
            }
            String where = actual == null ? "nothing" : Addresses.text(actual);
            if (!request.isLogical || request.inGroup || actual == null) {
                throw socket.wrong((kind().isListener() ? "listens at " : "is bound to ") + where + ", not at "
                        + Addresses.text(address()) + ": use another name for another address");
            }
            return replace(socket, where, lease);
        } catch (IOException | RuntimeException e) {
            claimed.put(name(), fd);
            throw e;
        }
    }

    /** The address of the name has changed. */
    private Channel replace(InheritedSocket socket, String where, NameLease lease) throws IOException {
        Channel channel = open();
        boolean serves = kind().isListener();
        LOG.log(
                INFO,
                "{0} was at {1} and is bound to {2} now; {1} {3}",
                name(),
                where,
                Addresses.text(address()),
                serves ? "is served until the parent has gone" : "is closed when the parent leaves");
        Channel former;
        try {
            former = socket.adopt(kind()::adopt);
        } catch (IOException | RuntimeException e) {
            channel.unsafe().closeForcibly();
            throw e;
        }
        if (!serves) {
            former.unsafe().closeForcibly();
        }
        guard(channel, kind().isUnix(), true, lease, serves ? former : null);
        return channel;
    }

    private void guard(Channel channel, boolean isBound, boolean inherited, NameLease lease, @Nullable Channel former) {
        Binding binding = new Binding(this, isBound);
        Bound bound = kind().isListener()
                ? new Listener(binding, channel, lease, request.policy, former)
                : new SharedChannel(binding, channel, lease, request.quiet);
        bound.guard(inherited);
    }

    BindException bindFailure(Throwable cause) {
        return Addresses.bindFailure(address(), cause, name(), upgrader.fds());
    }
}
