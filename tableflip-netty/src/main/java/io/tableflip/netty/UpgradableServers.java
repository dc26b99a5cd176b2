package io.tableflip.netty;

import static java.util.Objects.requireNonNull;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.bootstrap.ServerBootstrapConfig;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Binds Netty servers whose listening sockets outlive the process: a channel is made of the socket that the parent
 * passed on, if it has passed one of that name, and of a new one otherwise. Thread-safe.
 *
 * <p>A channel that was bound here accepts nothing until {@link Upgrader#ready()}. During an upgrade it stops accepting
 * when the child has begun to, and its connections are drained according to its {@link Drain} policy. Closing it at any
 * other time closes the port, as ever; the connections it has accepted go on, and are still drained at an upgrade or stop.
 *
 * <p>A listener is known to the child under its name: {@code host:port} as it was written, port 0 included, or a logical
 * name given here. A socket that was passed on under that name must be bound to the address that is asked for now, or the
 * bind fails: under a logical name too, since otherwise a changed configuration would be ignored silently. (To change
 * the address, change the name.) Its options are set again and its backlog is raised or lowered as configured; SO_REUSEPORT, IPV6_V6ONLY and
 * what else counts only before a bind stays as it was.
 *
 * <p>Works with Netty 4.1 and 4.2 on Linux, with the epoll transport: the event loops must be an {@code EpollEventLoopGroup}
 * or, from Netty 4.2 on, a {@code MultiThreadIoEventLoopGroup} with an {@code EpollIoHandler}. TCP only so far.
 */
public final class UpgradableServers {
    private final Upgrader upgrader;
    private final Map<FdName, Fd> claimed = new ConcurrentHashMap<>();

    private UpgradableServers(Upgrader upgrader) {
        this.upgrader = requireNonNull(upgrader);
    }

    /** Servers that are paused, drained, resumed and released by this upgrader. One object per program is enough. */
    public static UpgradableServers of(Upgrader upgrader) {
        return new UpgradableServers(upgrader);
    }

    /** As {@link #bind(ServerBootstrap, SocketAddress, Drain)} with {@link Drain#HANDLERS}. */
    public ChannelFuture bind(ServerBootstrap bootstrap, SocketAddress address) {
        return bind(bootstrap, address, Drain.HANDLERS);
    }

    /**
     * Binds a server, under the address as its name.
     *
     * @param bootstrap with everything but a channel type; it is not changed, and can be used again
     * @param policy how its connections are asked to leave
     * @return completes when the channel is bound, and gated. Fails with a {@link java.net.BindException} that names the
     *     address, with a {@link io.netty.channel.ChannelException} if what was inherited does not fit; the
     *     parent is told of the failure
     * @throws IllegalArgumentException if the event loops are not of the epoll transport, or the address is not a TCP address
     * @throws IllegalStateException if the bootstrap has a channel type, or lacks something else
     */
    public ChannelFuture bind(ServerBootstrap bootstrap, SocketAddress address, Drain policy) {
        return bind(bootstrap, Addresses.text(address), address, policy);
    }

    /**
     * Binds a server under a logical name, by which the child finds it even if the address is written another way there,
     * or if it is a port 0.
     *
     * @param name any text that no other TCP listener of this program has as its name
     * @see #bind(ServerBootstrap, SocketAddress, Drain)
     */
    public ChannelFuture bind(ServerBootstrap bootstrap, String name, SocketAddress address, Drain policy) {
        ServerBootstrapConfig config = bootstrap.config();
        requireNoChannel(config);
        requireEpoll("group", config.group());
        requireEpoll("childGroup", config.childGroup());
        return bootstrap.clone().channelFactory(factory(name, address, policy)).bind(address);
    }

    /** As {@link #factory(String, SocketAddress, Drain)}, under the address as the name. */
    public ChannelFactory<ServerChannel> factory(SocketAddress address, Drain policy) {
        return factory(Addresses.text(address), address, policy);
    }

    /**
     * For frameworks that call {@code bind} themselves and take a channel factory. It makes one channel, for this
     * address: make one factory per address. A second channel while the first is open, or a bind to another address, is
     * refused. Event loops that are not of the epoll transport fail when Netty registers the channel, and an inherited socket is
     * closed in this process then (the parent still has it).
     *
     * @param name any text that no other TCP listener of this program has as its name
     * @param policy how its connections are asked to leave
     * @throws IllegalArgumentException if the address is not a TCP address
     */
    public ChannelFactory<ServerChannel> factory(String name, SocketAddress address, Drain policy) {
        if (!(requireNonNull(address) instanceof InetSocketAddress inet)) {
            throw new IllegalArgumentException("not a TCP address: " + address);
        }
        return new ListenerFactory(upgrader, claimed, FdName.listener("tcp", name), inet, requireNonNull(policy));
    }

    @SuppressWarnings("deprecation") // of the type that channelFactory() returns; there is no other way to see it
    private static void requireNoChannel(ServerBootstrapConfig config) {
        if (config.channelFactory() != null) {
            throw new IllegalStateException(
                    "the bootstrap has a channel type: leave channel(..) and channelFactory(..) out,"
                            + " UpgradableServers makes the channel");
        }
    }

    private static void requireEpoll(String what, @Nullable EventLoopGroup group) {
        // Netty itself complains if the first is missing, and takes the first if the second is.
        if (group != null) {
            EpollLoops.require(what, group);
        }
    }
}
