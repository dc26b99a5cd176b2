package io.tableflip.netty.channel;

import static java.lang.System.Logger.Level.INFO;

import io.netty.bootstrap.AbstractBootstrap;
import io.netty.bootstrap.ServerBootstrapConfig;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFactory;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.UnixChannelOption;
import io.netty.util.concurrent.EventExecutorGroup;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.Upgrader;
import io.tableflip.core.log.Log;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.channel.JoinedSockets.JoinedSocket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.UnresolvedAddressException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Creates the channel for a name, from the inherited descriptor if there is one. Thread-safe. */
public final class ChannelMaker {
    private static final System.Logger LOG = Log.get();

    private final Upgrader upgrader;
    private final Socket socket;
    private @Nullable Channel made; // guarded by this
    /** What was made has an inherited socket. */
    private volatile boolean adopted;

    /**
     * The socket that is asked for.
     *
     * @param inGroup whether other sockets have the same address (SO_REUSEPORT)
     * @param nio whether it is a channel of NIO, because no upgrade is possible
     */
    public record Socket(SocketKind kind, FdName name, BindSpec spec, boolean inGroup, boolean nio) {
        SocketAddress address() {
            return spec.address();
        }

        /** Whether the name may lead to another address than before: it is a logical one, or a host name. */
        boolean mayMove() {
            return spec.name().isPresent() || Addresses.hasHostName(spec.address());
        }
    }

    public ChannelMaker(Upgrader upgrader, Socket socket) {
        this.upgrader = upgrader;
        this.socket = socket;
    }

    /** The address to bind to. */
    public SocketAddress address() {
        return socket.address();
    }

    private SocketKind kind() {
        return socket.kind;
    }

    /** As a factory for a bootstrap, whose kind of channel it must be. */
    public <C extends Channel> ChannelFactory<C> factory(Class<C> type) {
        return () -> type.cast(newChannel(List.of()));
    }

    /**
     * As a factory for this bootstrap.
     *
     * @param bootstrap for this channel alone; loses the options that are set on an inherited socket here
     */
    public <C extends Channel> ChannelFactory<C> factory(Class<C> type, AbstractBootstrap<?, ?> bootstrap) {
        return () -> {
            Channel channel = newChannel(groups(bootstrap));
            if (adopted) {
                LateOptions.apply(bootstrap, channel, socket.name);
            }
            return type.cast(channel);
        };
    }

    private static List<EventExecutorGroup> groups(AbstractBootstrap<?, ?> bootstrap) {
        List<EventExecutorGroup> groups = new ArrayList<>();
        groups.add(bootstrap.config().group());
        if (bootstrap.config() instanceof ServerBootstrapConfig config) {
            groups.add(config.childGroup());
        }
        groups.removeIf(Objects::isNull);
        return groups;
    }

    private synchronized Channel newChannel(List<EventExecutorGroup> groups) {
        try {
            if (!socket.nio) {
                EpollLoops.requireAvailable();
            }
            if (made != null && made.isOpen()) {
                throw new IllegalStateException(
                        "this factory has made the channel of " + socket.name + ": make one factory per address");
            }
            ServedChannel served = make();
            served.runsOn(groups);
            made = served.channel();
            return made;
        } catch (IOException e) {
            upgrader.reportFailure(e);
            throw new ChannelException(e.getMessage(), e);
        } catch (RuntimeException e) {
            upgrader.reportFailure(e);
            throw e;
        }
    }

    private ServedChannel make() throws IOException {
        if (address() instanceof InetSocketAddress inet && inet.isUnresolved()) {
            throw failure(null).of(new UnresolvedAddressException());
        }
        Reservation reservation = upgrader.fds().reserve(socket.name);
        try {
            Optional<Fd> inherited = reservation.inherited();
            return inherited.isPresent() ? adoptOwn(inherited.get(), reservation) : adoptOrCreate(reservation);
        } catch (IOException | RuntimeException | Error e) {
            reservation.close();
            throw e;
        }
    }

    private ServedChannel adoptOwn(Fd fd, Reservation reservation) throws IOException {
        InheritedSocket inherited = InheritedSocket.bound(fd, kind());
        if (Addresses.matches(address(), inherited.localAddress())) {
            return adopt(inherited, reservation, others().joinedTo(socket.name, address()));
        }
        Optional<BoundAddress> former = inherited.boundAddress();
        Optional<ServedChannel> other = adoptOther(reservation);
        if (other.isEmpty()) {
            return replace(inherited, reservation);
        }
        LOG.log(
                INFO,
                "{0}: its own socket ({1}) can be claimed under the name of the adopted one, or by its address",
                socket.name,
                former.map(BoundAddress::toString).orElse("not bound"));
        return other.get();
    }

    private ServedChannel adoptOrCreate(Reservation reservation) throws IOException {
        Optional<ServedChannel> other = adoptOther(reservation);
        if (other.isPresent()) {
            return other.get();
        }
        ServedChannel served = served(open(null), kind().isUnix(), reservation, null);
        served.guard();
        return served;
    }

    /** Adopts the requested socket under another name, if it was inherited so. */
    private Optional<ServedChannel> adoptOther(Reservation reservation) throws IOException {
        InheritedSockets others = others();
        for (FdName other : others.at(address())) {
            Optional<Fd> fd = reservation.inherit(other);
            if (fd.isPresent()) { // nobody has claimed it meanwhile
                InheritedSocket inherited = InheritedSocket.bound(fd.get(), kind());
                LOG.log(
                        INFO,
                        "{0}: adopted {1} of the parent, which is the same socket (bound to {2})",
                        socket.name,
                        other,
                        inherited.boundAddress().map(BoundAddress::toString).orElse("nothing"));
                return Optional.of(adopt(inherited, reservation, others.inGroupOf(other, address())));
            }
        }
        return Optional.empty();
    }

    private InheritedSockets others() {
        return new InheritedSockets(upgrader.fds(), kind());
    }

    private Channel open(@Nullable BoundAddress former) throws IOException {
        if (socket.nio) {
            return kind().createNio();
        }
        if (address() instanceof DomainSocketAddress unix) {
            try {
                return kind().adopt(UnixSockets.bind(kind(), unix, socket.spec.replacesStaleSocket())
                        .intValue());
            } catch (IOException e) {
                throw failure(former).of(e);
            }
        }
        Channel channel = kind().create();
        if (socket.inGroup) {
            channel.config().setOption(UnixChannelOption.SO_REUSEPORT, true);
        }
        return channel;
    }

    /** @param group what is served by the same channel, unless each member has its own */
    private ServedChannel adopt(InheritedSocket inherited, Reservation reservation, List<FdName> group)
            throws IOException {
        List<JoinedSocket> joined =
                new JoinedSockets(upgrader.fds(), kind(), socket.name).adopt(socket.inGroup ? List.of() : group);
        try {
            ServedChannel served = served(inherited.adopt(kind()::adopt), true, reservation, null);
            joined.forEach(one -> served.join(one.channel(), one.reservation()));
            served.guard();
            adopted = true;
            return served;
        } catch (IOException | RuntimeException e) {
            joined.forEach(JoinedSocket::close);
            throw e;
        }
    }

    /** The address of the name has changed. */
    private ServedChannel replace(InheritedSocket inherited, Reservation reservation) throws IOException {
        Optional<BoundAddress> former = inherited.boundAddress();
        if (!socket.mayMove() || former.isEmpty()) {
            String where = former.map(BoundAddress::toString).orElse("nothing");
            throw inherited.wrong((kind().isListener() ? "listens at " : "is bound to ") + where + ", not at "
                    + Addresses.text(address()) + ": use another name for another address");
        }
        boolean serves = kind().isListener();
        Channel channel = open(former.get());
        LOG.log(
                INFO,
                "{0} was at {1} and is to move to {2}; {1} is then {3}",
                socket.name,
                former.get(),
                Addresses.resolved(address()),
                serves ? "served until the parent has exited" : "closed when the parent leaves");
        Channel previous;
        try {
            previous = inherited.adopt(kind()::adopt);
        } catch (IOException | RuntimeException e) {
            channel.unsafe().closeForcibly();
            throw e;
        }
        ServedChannel served = served(channel, kind().isUnix(), reservation, former.get());
        if (serves) {
            served.join(previous, null);
        } else {
            previous.unsafe().closeForcibly();
        }
        served.guard();
        return served;
    }

    private ServedChannel served(
            Channel channel, boolean isBound, Reservation reservation, @Nullable BoundAddress former) {
        Binder binder = new Binder(address(), kind(), failure(former), isBound);
        return kind().isListener()
                ? new Listener(upgrader, binder, channel, reservation, socket.spec.drain())
                : new SharedChannel(upgrader, binder, channel, reservation, socket.spec.quiet());
    }

    private BindFailure failure(@Nullable BoundAddress former) {
        return new BindFailure(address(), kind(), socket.name, upgrader.fds(), former);
    }
}
