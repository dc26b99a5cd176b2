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
import java.io.IOException;
import java.net.SocketAddress;
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

        /** Whether the name is not the address, so that the address may change. */
        boolean isNamed() {
            return spec.name().isPresent() && !inGroup;
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
        Reservation reservation = upgrader.fds().reserve(socket.name);
        try {
            Optional<Fd> inherited = reservation.inherited();
            return inherited.isPresent() ? adopt(inherited.get(), reservation) : create(reservation);
        } catch (IOException | RuntimeException | Error e) {
            reservation.close();
            throw e;
        }
    }

    private ServedChannel create(Reservation reservation) throws IOException {
        return guard(open(), kind().isUnix(), reservation, null);
    }

    private Channel open() throws IOException {
        if (socket.nio) {
            return kind().createNio();
        }
        if (address() instanceof DomainSocketAddress unix) {
            try {
                return kind().adopt(UnixSockets.bind(kind(), unix, socket.spec.replacesStaleSocket())
                        .intValue());
            } catch (IOException e) {
                throw binder(true).failure(e);
            }
        }
        Channel channel = kind().create();
        if (socket.inGroup) {
            channel.config().setOption(UnixChannelOption.SO_REUSEPORT, true);
        }
        return channel;
    }

    private ServedChannel adopt(Fd fd, Reservation reservation) throws IOException {
        InheritedSocket inherited = InheritedSocket.bound(fd, kind());
        SocketAddress actual = inherited.localAddress();
        if (Addresses.matches(address(), actual)) {
            ServedChannel served = guard(inherited.adopt(kind()::adopt), true, reservation, null);
            adopted = true;
            return served;
        }
        String where = actual == null ? "nothing" : Addresses.text(actual);
        if (!socket.isNamed() || actual == null) {
            throw inherited.wrong((kind().isListener() ? "listens at " : "is bound to ") + where + ", not at "
                    + Addresses.text(address()) + ": use another name for another address");
        }
        return replace(inherited, where, reservation);
    }

    /** The address of the name has changed. */
    private ServedChannel replace(InheritedSocket inherited, String where, Reservation reservation) throws IOException {
        Channel channel = open();
        boolean serves = kind().isListener();
        LOG.log(
                INFO,
                "{0} was at {1} and is bound to {2} now; {1} {3}",
                socket.name,
                where,
                Addresses.text(address()),
                serves ? "is served until the parent has gone" : "is closed when the parent leaves");
        Channel previous;
        try {
            previous = inherited.adopt(kind()::adopt);
        } catch (IOException | RuntimeException e) {
            channel.unsafe().closeForcibly();
            throw e;
        }
        if (!serves) {
            previous.unsafe().closeForcibly();
        }
        return guard(channel, kind().isUnix(), reservation, serves ? previous : null);
    }

    private ServedChannel guard(Channel channel, boolean isBound, Reservation reservation, @Nullable Channel previous) {
        ServedChannel served = kind().isListener()
                ? new Listener(upgrader, binder(isBound), channel, reservation, socket.spec.drain(), previous)
                : new SharedChannel(upgrader, binder(isBound), channel, reservation, socket.spec.quiet());
        served.guard();
        return served;
    }

    private Binder binder(boolean isBound) {
        return new Binder(address(), kind(), socket.name, upgrader.fds(), isBound);
    }
}
