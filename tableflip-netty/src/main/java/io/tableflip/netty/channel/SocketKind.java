package io.tableflip.netty.channel;

import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.tableflip.core.FdName;
import io.tableflip.core.FdName.Kind;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** The bound sockets that can be served, and how Netty makes channels of them. */
public enum SocketKind {
    TCP(Kind.LISTENER, "tcp", "a TCP socket"),
    UNIX(Kind.LISTENER, "unix", "a Unix stream socket"),
    UDP(Kind.PACKET, "udp", "a UDP socket"),
    UNIXGRAM(Kind.PACKET, "unixgram", "a Unix datagram socket");

    private final Kind kind;
    private final String network;
    private final String words;

    SocketKind(Kind kind, String network, String words) {
        this.kind = kind;
        this.network = network;
        this.words = words;
    }

    /**
     * The kind of a listener.
     *
     * @throws IllegalArgumentException if nothing can listen for streams at such an address
     */
    public static SocketKind ofListener(SocketAddress address) {
        return of(address, TCP, UNIX);
    }

    /**
     * The kind of a datagram socket.
     *
     * @throws IllegalArgumentException if nothing can get datagrams at such an address
     */
    public static SocketKind ofPackets(SocketAddress address) {
        return of(address, UDP, UNIXGRAM);
    }

    private static SocketKind of(SocketAddress address, SocketKind inet, SocketKind unix) {
        if (address instanceof InetSocketAddress) {
            return inet;
        }
        if (address instanceof DomainSocketAddress domain) {
            UnixSockets.check(domain);
            return unix;
        }
        throw new IllegalArgumentException("neither an InetSocketAddress nor a DomainSocketAddress of Netty: " + address
                + " (" + address.getClass().getName() + ")");
    }

    public FdName name(String address) {
        return new FdName(kind, network, address);
    }

    /** Whether a descriptor of that name may be one of these, as far as the name says. */
    boolean mayBe(FdName name) {
        return name.kind() == kind;
    }

    boolean isUnix() {
        return this == UNIX || this == UNIXGRAM;
    }

    boolean isListener() {
        return kind == Kind.LISTENER;
    }

    /**
     * A channel of a new socket, not bound. Not for those of Unix, which are bound before there is a channel:
     * Netty would remove the path when a channel that it has bound is closed.
     */
    Channel create() {
        return switch (this) {
            case TCP -> new EpollServerSocketChannel();
            case UDP -> new EpollDatagramChannel();
            case UNIX, UNIXGRAM -> throw new IllegalStateException(this + " is bound before it is adopted");
        };
    }

    /** The same on NIO, where nothing can be inherited. */
    Channel createNio() {
        return switch (this) {
            case TCP -> new NioServerSocketChannel();
            case UDP -> new NioDatagramChannel();
            case UNIX, UNIXGRAM ->
                throw new IllegalStateException(this + " needs Netty's epoll transport, which is not available here");
        };
    }

    /** A channel that owns that descriptor from now on. */
    Channel adopt(int fd) {
        return switch (this) {
            case TCP -> new EpollServerSocketChannel(fd);
            case UNIX -> new EpollServerDomainSocketChannel(fd, true);
            case UDP -> new EpollDatagramChannel(fd);
            case UNIXGRAM -> new EpollDomainDatagramChannel(fd);
        };
    }

    /** For messages: {@code a UDP socket}. */
    @Override
    public String toString() {
        return words;
    }
}
