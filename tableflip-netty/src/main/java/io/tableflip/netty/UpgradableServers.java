package io.tableflip.netty;

import static java.util.Objects.requireNonNull;

import io.netty.bootstrap.AbstractBootstrap;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.bootstrap.ServerBootstrapConfig;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.channel.Addresses;
import io.tableflip.netty.channel.ChannelMaker;
import io.tableflip.netty.channel.EpollLoops;
import io.tableflip.netty.channel.GroupNames;
import io.tableflip.netty.channel.SocketKind;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Binds Netty servers whose sockets outlive the process. If the parent has passed on a socket of the
 * requested name, the channel is created from it; otherwise from a new socket. Thread-safe.
 *
 * <p>A channel that was bound here accepts, or reads, nothing until {@link Upgrader#ready()}. During an
 * upgrade it stops when the child has begun, and its connections are drained by its {@link DrainPolicy}. A
 * listener that the child does not bind, because the new release does not have it any more, accepts until the
 * child is the service. It then accepts the connections that are queued, and is closed.
 * Closing the channel at any other time closes the port; the connections that it has accepted stay open, and
 * an upgrade or stop still drains them.
 *
 * <p>The child finds a socket by its name: the address as it is written, port 0 included, or
 * {@linkplain BindSpec#name a logical name}. If no socket of that name was inherited, it adopts an unclaimed
 * one of the same kind that is bound to the requested address, and logs that. That one is passed on under the
 * new name. An inherited socket of the name must be what is requested, or the bind fails. There is one
 * exception: what a logical name or a host name stands for may have changed. Then the new address is bound,
 * and the old one is served as well until the parent has exited.
 *
 * <p>Options are set again, and the backlog is changed to the configured one. Options that count only before
 * a bind (SO_REUSEPORT, IPV6_V6ONLY) stay as they were.
 *
 * <p>For a Unix socket {@code localAddress()} of the channel is {@code null}: otherwise Netty would remove
 * the path when it closes the channel. The path is removed with its last owner, see
 * {@link io.tableflip.core.Fds}.
 *
 * <p>Before a child takes over, all threads of the event loop groups of its bootstraps run, or the upgrade
 * fails. For a channel of {@link #factory} these are only those of the group that it is registered with: the
 * group of the connections is not known.
 *
 * <p>Works with Netty 4.1 and 4.2 on Linux, with the epoll transport: the event loops must be an
 * {@code EpollEventLoopGroup} or, from Netty 4.2 on, a {@code MultiThreadIoEventLoopGroup} with an
 * {@code EpollIoHandler}. With an upgrader that is a stub, as {@link EpollOrNio#upgrader} builds one where
 * there is no epoll, it works with the event loops of NIO too, except for Unix sockets.
 */
public final class UpgradableServers {
    private final Upgrader upgrader;

    private UpgradableServers(Upgrader upgrader) {
        this.upgrader = upgrader;
    }

    /** Servers that this upgrader pauses, drains, resumes and releases. One object per program is enough. */
    public static UpgradableServers of(Upgrader upgrader) {
        return new UpgradableServers(requireNonNull(upgrader));
    }

    // ---- streams

    /**
     * Binds a server to an address, with the defaults of {@link BindSpec}. See {@link #bind(ServerBootstrap,
     * BindSpec)}.
     */
    public ChannelFuture bind(ServerBootstrap bootstrap, SocketAddress address) {
        return bind(bootstrap, BindSpec.of(address));
    }

    /**
     * Binds a server.
     *
     * @param bootstrap with everything but a channel type; it is not changed, and can be used again
     * @return completes when the channel is bound, and still closed for clients. If the parent has bound a
     *     group to that address, the channel accepts for all its sockets. Fails with a
     *     {@link java.net.BindException} that names the address and what is in the way, or with a
     *     {@link io.netty.channel.ChannelException} if the inherited socket does not fit; the parent is told
     *     of the failure
     * @throws IllegalArgumentException if the event loops are not of the epoll transport, or no server can
     *     have such an address
     * @throws IllegalStateException if the bootstrap has a channel type, or lacks something else
     */
    public ChannelFuture bind(ServerBootstrap bootstrap, BindSpec spec) {
        boolean nio = isNio(bootstrap.config().group());
        return bind(bootstrap, maker(SocketKind.ofListener(spec.address()), spec, nio));
    }

    /**
     * Binds a group of listeners to one TCP address with SO_REUSEPORT. The kernel divides the connections
     * among them. Each has a queue of its own, so each is passed on: closing one would lose what is in its
     * queue. The child may bind more, which are added, or fewer: it gets all that exist, and logs that. If
     * the parent has bound a single listener to that address, it becomes the first of the group. A child that
     * cannot bind more, because the inherited sockets belong to another user, serves those and logs a
     * warning.
     *
     * @param count the number of listeners; more if more were inherited, fewer if more cannot be bound
     * @return a future for each, as of {@link #bind(ServerBootstrap, BindSpec)}
     * @throws IllegalArgumentException if the address is not a TCP address, or has port 0, or if the count is
     *     not positive
     */
    public List<ChannelFuture> bindGroup(ServerBootstrap bootstrap, BindSpec spec, int count) {
        requireGroup(spec.address(), count);
        boolean nio = isNio(bootstrap.config().group());
        List<ChannelFuture> bound = new ArrayList<>();
        for (FdName name : members(SocketKind.TCP, spec, count)) {
            bound.add(bind(bootstrap, maker(SocketKind.TCP, name, spec, true, nio)));
        }
        return bound;
    }

    private ChannelFuture bind(ServerBootstrap bootstrap, ChannelMaker maker) {
        ServerBootstrapConfig config = bootstrap.config();
        requireNoChannel(bootstrap);
        requireLoops("group", config.group());
        requireLoops("childGroup", config.childGroup());
        ServerBootstrap copy = bootstrap.clone();
        return copy.channelFactory(maker.factory(ServerChannel.class, copy)).bind(maker.address());
    }

    /**
     * A channel factory for frameworks that call {@code bind} themselves. It makes one channel, for this
     * address: use one factory per address. A second channel while the first is open is refused, and so is a
     * bind to another address. If the event loops are not of the epoll transport, Netty fails to register the
     * channel; an inherited socket is then closed in this process, and the parent still has it. An option
     * that counts only before the bind (IPV6_V6ONLY, for example) makes the bind of an inherited socket fail
     * here: leave it out if the parent has passed on the socket.
     * {@link #bind(ServerBootstrap, BindSpec)} does that by itself.
     *
     * @throws IllegalArgumentException if no server can have such an address
     */
    public ChannelFactory<ServerChannel> factory(BindSpec spec) {
        return maker(SocketKind.ofListener(spec.address()), spec, isNio(null)).factory(ServerChannel.class);
    }

    // ---- datagrams

    /**
     * Binds a datagram socket to an address, with the defaults of {@link BindSpec}. See
     * {@link #bind(Bootstrap, BindSpec)}.
     */
    public ChannelFuture bind(Bootstrap bootstrap, SocketAddress address) {
        return bind(bootstrap, BindSpec.of(address));
    }

    /**
     * Binds a datagram socket, UDP or Unix. Both processes have the same socket and its queue, and one of
     * them reads: no datagram is lost. The old process answers the datagrams it has read: a
     * {@link DrainEvent} is fired through the pipeline, and the channel is closed when nothing was written
     * for {@link BindSpec#quiet}.
     *
     * @param bootstrap with everything but a channel type; it is not changed, and can be used again
     * @return as of {@link #bind(ServerBootstrap, BindSpec)}
     */
    public ChannelFuture bind(Bootstrap bootstrap, BindSpec spec) {
        boolean nio = isNio(bootstrap.config().group());
        return bind(bootstrap, maker(SocketKind.ofPackets(spec.address()), spec, nio));
    }

    /**
     * A group of UDP sockets at one address with SO_REUSEPORT: as {@link #bindGroup(ServerBootstrap,
     * BindSpec, int)}.
     */
    public List<ChannelFuture> bindGroup(Bootstrap bootstrap, BindSpec spec, int count) {
        requireGroup(spec.address(), count);
        boolean nio = isNio(bootstrap.config().group());
        List<ChannelFuture> bound = new ArrayList<>();
        for (FdName name : members(SocketKind.UDP, spec, count)) {
            bound.add(bind(bootstrap, maker(SocketKind.UDP, name, spec, true, nio)));
        }
        return bound;
    }

    private ChannelFuture bind(Bootstrap bootstrap, ChannelMaker maker) {
        requireNoChannel(bootstrap);
        requireLoops("group", bootstrap.config().group());
        Bootstrap copy = bootstrap.clone();
        return copy.channelFactory(maker.factory(Channel.class, copy)).bind(maker.address());
    }

    private ChannelMaker maker(SocketKind kind, BindSpec spec, boolean nio) {
        return maker(kind, kind.name(nameOf(spec)), spec, false, nio);
    }

    private ChannelMaker maker(SocketKind kind, FdName name, BindSpec spec, boolean inGroup, boolean nio) {
        return new ChannelMaker(upgrader, new ChannelMaker.Socket(kind, name, spec, inGroup, nio));
    }

    // ---- checks

    private static String nameOf(BindSpec spec) {
        return spec.name().orElseGet(() -> Addresses.text(spec.address()));
    }

    private static void requireGroup(SocketAddress address, int count) {
        if (count < 1) {
            throw new IllegalArgumentException("a group of " + count + " sockets");
        }
        if (!(address instanceof InetSocketAddress inet) || inet.getPort() == 0) {
            throw new IllegalArgumentException(
                    "a group of sockets needs an address with a port, this is " + Addresses.text(address));
        }
    }

    private List<FdName> members(SocketKind kind, BindSpec spec, int count) {
        return new GroupNames(upgrader.fds(), kind, nameOf(spec)).of(spec.address(), count);
    }

    @SuppressWarnings("deprecation") // of the type that channelFactory() returns; there is no other way to see it
    private static void requireNoChannel(AbstractBootstrap<?, ?> bootstrap) {
        if (bootstrap.config().channelFactory() != null) {
            throw new IllegalStateException(
                    "the bootstrap has a channel type: leave channel(..) and channelFactory(..) out,"
                            + " UpgradableServers makes the channel");
        }
    }

    private void requireLoops(String what, @Nullable EventLoopGroup group) {
        // Netty itself complains if the first is missing, and takes the first if the second is
        if (group != null && !isNio(group)) {
            EpollLoops.require(what, group);
        }
    }

    /** Whether channels are of NIO, since there will be no upgrade anyway. */
    private boolean isNio(@Nullable EventLoopGroup group) {
        return !upgrader.isSupported() && (group == null ? !Epoll.isAvailable() : !EpollLoops.areEpoll(group));
    }
}
