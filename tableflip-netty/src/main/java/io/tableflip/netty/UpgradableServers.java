package io.tableflip.netty;

import static java.lang.System.Logger.Level.INFO;
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
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.ChannelMaker.Request;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Binds Netty servers whose sockets outlive the process: a channel is made of the socket that the parent passed on, if it has
 * passed one of that name, and of a new one otherwise. Thread-safe.
 *
 * <p>An address is an {@link InetSocketAddress}, or a {@link io.netty.channel.unix.DomainSocketAddress} for a Unix socket; an abstract name has
 * a zero in front of it there, and an @ in the names and messages here. Nothing that stands at the path of a Unix socket is removed, unless
 * {@link #replaceStaleSockets()} says so. {@code localAddress()} of a Unix channel that was adopted is {@code null}, and so it is for
 * every Unix listener: Netty would remove the path otherwise when the channel is closed.
 *
 * <p>A channel that was bound here accepts, or reads, nothing until {@link Upgrader#ready()}. During an upgrade it stops when the child has
 * begun to, and its connections are drained according to its {@link Drain} policy. Closing it at any other time closes the port, as
 * ever; the connections it has accepted go on, and are still drained at an upgrade or stop.
 *
 * <p>A socket is known to the child under its name: the address as it was written, port 0 included, or a logical name given here.
 * A socket that was passed on must be what is asked for now, or the bind fails. Under a logical name the address may have changed: the new
 * one is bound, and the old one is served too until the parent has gone; the log says so. Options are set again and the
 * backlog is raised or lowered as configured; SO_REUSEPORT, IPV6_V6ONLY and what else counts only before a bind stays as it was.
 *
 * <p>Works with Netty 4.1 and 4.2 on Linux, with the epoll transport: the event loops must be an {@code EpollEventLoopGroup}
 * or, from Netty 4.2 on, a {@code MultiThreadIoEventLoopGroup} with an {@code EpollIoHandler}. With an upgrader that is a stub, as {@link
 * Transport#upgrader} gives one where there is no epoll, it works with the loops of NIO too, except for Unix sockets.
 */
public final class UpgradableServers {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** How long no datagram has to be written until those that were read count as answered; half a second. */
    public static final Duration QUIET = Duration.ofMillis(500);

    private final Upgrader upgrader;
    private final boolean replaceStale;
    private final Map<FdName, Fd> claimed;

    private UpgradableServers(Upgrader upgrader, boolean replaceStale, Map<FdName, Fd> claimed) {
        this.upgrader = upgrader;
        this.replaceStale = replaceStale;
        this.claimed = claimed;
    }

    /** Servers that are paused, drained, resumed and released by this upgrader. One object per program is enough. */
    public static UpgradableServers of(Upgrader upgrader) {
        return new UpgradableServers(requireNonNull(upgrader), false, new ConcurrentHashMap<>());
    }

    /**
     * The same, but a Unix socket file at which nobody listens, as a process leaves it that is killed, is removed before a bind; otherwise such
     * a bind fails. What is no socket always stays.
     */
    public UpgradableServers replaceStaleSockets() {
        return new UpgradableServers(upgrader, true, claimed);
    }

    // ---- streams

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
     *     address, maybe inside a {@link io.netty.channel.ChannelException}; with such a one if what was inherited does not fit; the
     *     parent is told of the failure
     * @throws IllegalArgumentException if the event loops are not of the epoll transport, or the address is none that a server can have
     * @throws IllegalStateException if the bootstrap has a channel type, or lacks something else
     */
    public ChannelFuture bind(ServerBootstrap bootstrap, SocketAddress address, Drain policy) {
        return bind(
                bootstrap,
                server(
                        nameOf(address),
                        false,
                        address,
                        policy,
                        false,
                        isNio(bootstrap.config().group())));
    }

    /**
     * Binds a server under a logical name, by which the child finds it even if the address is written another way there,
     * or if it is a port 0, or has changed.
     *
     * @param name any text that no other listener of this program for the same kind of socket has as its name
     * @see #bind(ServerBootstrap, SocketAddress, Drain)
     */
    public ChannelFuture bind(ServerBootstrap bootstrap, String name, SocketAddress address, Drain policy) {
        return bind(
                bootstrap,
                server(
                        name,
                        true,
                        address,
                        policy,
                        false,
                        isNio(bootstrap.config().group())));
    }

    /**
     * Binds a group of listeners at one TCP address with SO_REUSEPORT, among which the kernel divides the connections. Each has a queue of its
     * own, so that each is passed on: one that was closed would take its queue with it. The child may ask for more, which are added,
     * or for fewer: it gets all that there are, and the log says so.
     *
     * @param count how many listeners there shall be, at least
     * @return a future for each, as of {@link #bind(ServerBootstrap, SocketAddress, Drain)}
     * @throws IllegalArgumentException if the address is no TCP address, or has port 0, or the count is not positive
     */
    public List<ChannelFuture> bindGroup(ServerBootstrap bootstrap, SocketAddress address, int count, Drain policy) {
        requireGroup(address, count);
        boolean nio = isNio(bootstrap.config().group());
        List<ChannelFuture> bound = new ArrayList<>();
        for (String name : members(SocketKind.TCP, nameOf(address), count)) {
            bound.add(bind(bootstrap, server(name, false, address, policy, true, nio)));
        }
        return bound;
    }

    private ChannelFuture bind(ServerBootstrap bootstrap, ChannelMaker maker) {
        ServerBootstrapConfig config = bootstrap.config();
        requireNoChannel(bootstrap);
        requireLoops("group", config.group());
        requireLoops("childGroup", config.childGroup());
        return bootstrap
                .clone()
                .channelFactory(maker.factory(ServerChannel.class))
                .bind(maker.address());
    }

    /** As {@link #factory(String, SocketAddress, Drain)}, under the address as the name. */
    public ChannelFactory<ServerChannel> factory(SocketAddress address, Drain policy) {
        return server(nameOf(address), false, address, policy, false, isNio(null))
                .factory(ServerChannel.class);
    }

    /**
     * For frameworks that call {@code bind} themselves and take a channel factory. It makes one channel, for this
     * address: make one factory per address. A second channel while the first is open, or a bind to another address, is
     * refused. Event loops that are not of the epoll transport fail when Netty registers the channel, and an inherited socket is
     * closed in this process then (the parent still has it).
     *
     * @param name any text that no other listener of this program for the same kind of socket has as its name
     * @param policy how its connections are asked to leave
     * @throws IllegalArgumentException if the address is none that a server can have
     */
    public ChannelFactory<ServerChannel> factory(String name, SocketAddress address, Drain policy) {
        return server(name, true, address, policy, false, isNio(null)).factory(ServerChannel.class);
    }

    private ChannelMaker server(
            String name, boolean isLogical, SocketAddress address, Drain policy, boolean inGroup, boolean nio) {
        SocketKind kind = SocketKind.ofListener(requireNonNull(address));
        return maker(new Request(
                kind, kind.name(name), isLogical, address, requireNonNull(policy), QUIET, inGroup, nio, replaceStale));
    }

    // ---- datagrams

    /** As {@link #bind(Bootstrap, String, SocketAddress, Duration)} with {@link #QUIET}, under the address as its name. */
    public ChannelFuture bind(Bootstrap bootstrap, SocketAddress address) {
        return bind(
                bootstrap,
                packets(
                        nameOf(address),
                        false,
                        address,
                        QUIET,
                        false,
                        isNio(bootstrap.config().group())));
    }

    /**
     * Binds a datagram socket, UDP or Unix. Both generations have the one socket and its queue, and one of them reads: no
     * datagram is lost. What this process has read it answers, through a channel that stays open until the drain is over: a
     * {@link DrainEvent} is fired through its pipeline, and when nothing was written for a while all counts as answered.
     *
     * @param bootstrap with everything but a channel type; it is not changed, and can be used again
     * @param name any text that no other datagram socket of the same kind of this program has as its name
     * @param quiet how long nothing has to be written until the drain is over; longer than an answer takes
     * @return as of {@link #bind(ServerBootstrap, SocketAddress, Drain)}
     */
    public ChannelFuture bind(Bootstrap bootstrap, String name, SocketAddress address, Duration quiet) {
        return bind(
                bootstrap,
                packets(
                        name,
                        true,
                        address,
                        quiet,
                        false,
                        isNio(bootstrap.config().group())));
    }

    /** A group of UDP sockets at one address with SO_REUSEPORT: as {@link #bindGroup(ServerBootstrap, SocketAddress, int, Drain)}. */
    public List<ChannelFuture> bindGroup(Bootstrap bootstrap, SocketAddress address, int count, Duration quiet) {
        requireGroup(address, count);
        boolean nio = isNio(bootstrap.config().group());
        List<ChannelFuture> bound = new ArrayList<>();
        for (String name : members(SocketKind.UDP, nameOf(address), count)) {
            bound.add(bind(bootstrap, packets(name, false, address, quiet, true, nio)));
        }
        return bound;
    }

    private ChannelFuture bind(Bootstrap bootstrap, ChannelMaker maker) {
        requireNoChannel(bootstrap);
        requireLoops("group", bootstrap.config().group());
        return bootstrap.clone().channelFactory(maker.factory(Channel.class)).bind(maker.address());
    }

    private ChannelMaker packets(
            String name, boolean isLogical, SocketAddress address, Duration quiet, boolean inGroup, boolean nio) {
        SocketKind kind = SocketKind.ofPackets(requireNonNull(address));
        if (quiet.isNegative() || quiet.isZero()) {
            throw new IllegalArgumentException("quiet: " + quiet + " is not more than zero");
        }
        return maker(new Request(
                kind, kind.name(name), isLogical, address, Drain.HANDLERS, quiet, inGroup, nio, replaceStale));
    }

    private ChannelMaker maker(Request request) {
        return new ChannelMaker(upgrader, claimed, request);
    }

    // ---- established connections

    /**
     * Hands a connection over to the next generation at the next upgrade. Until then it goes on; during the drain it is not read, a
     * {@link DrainEvent} is fired through its pipeline as a last chance to write, and once the child is the service it is closed here,
     * which its peer does not see. What its handlers have read and not used is lost: hand over between two messages, or keep
     * what the child has to know in a place that it finds. From the pause on the child may read and write: where a client sends its next request before it has its
     * answer, or what is pushed to it is longer than one write, the program has to see to the order. What a client sends last, before it closes its side while the upgrade is
     * under way, may come to either of the two. For connections without TLS, whose keys are of this process.
     *
     * @param connection a registered TCP or Unix stream channel of the epoll transport; accepted by a server that was bound here, or not
     * @param name by which the child finds it with {@link #adopt}
     * @return completes when it is noted; fails with an {@link IllegalStateException} if the name is in use, the channel closed, an upgrade under way or
     *     this process leaving, since the child has got all its descriptors by then. The connection then stays as it was
     * @throws IllegalArgumentException if the name is of another kind, or the channel no stream of the epoll transport
     */
    public ChannelFuture handOver(Channel connection, FdName name) {
        return Connections.handOver(upgrader, connection, name);
    }

    /**
     * Makes a channel of a connection that the parent has handed over. It is read from {@link Upgrader#ready()} on, when the parent has stopped reading it, and is
     * handed over again at the next upgrade. The names of those that there are stand in {@link io.tableflip.core.Fds#inherited()}; those that are not adopted before {@code ready()}
     * are closed.
     *
     * @param bootstrap with event loops of the epoll transport and a handler
     * @return completes when it is registered. Fails with an {@link io.netty.channel.ChannelException} if the descriptor is no connection,
     *     and with an {@link IllegalStateException} if none of that name was inherited, or it was closed because that came after
     *     {@code ready()}
     */
    public ChannelFuture adopt(Bootstrap bootstrap, FdName name) {
        requireNoChannel(bootstrap);
        requireLoops("group", bootstrap.config().group());
        return Connections.adopt(upgrader, bootstrap, name);
    }

    // ---- checks

    private static String nameOf(SocketAddress address) {
        return Addresses.text(requireNonNull(address));
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

    private List<String> members(SocketKind kind, String address, int count) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < count || upgrader.fds().inherited().contains(kind.name(address + "#" + i)); i++) {
            names.add(address + "#" + i);
        }
        if (names.size() > count) {
            LOG.log(
                    INFO,
                    "{0}: {1} sockets were inherited, all are served though {2} are configured: closing one would lose what is queued at it",
                    address,
                    Integer.toString(names.size()),
                    Integer.toString(count));
        }
        return names;
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
        // Netty itself complains if the first is missing, and takes the first if the second is.
        if (group != null && !isNio(group)) {
            EpollLoops.require(what, group);
        }
    }

    /** Whether channels are of NIO, since there will be no upgrade anyway. */
    private boolean isNio(@Nullable EventLoopGroup group) {
        return !upgrader.isSupported() && (group == null ? !Epoll.isAvailable() : !EpollLoops.areEpoll(group));
    }
}
