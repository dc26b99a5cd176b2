package io.tableflip.netty.channel;

import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/**
 * Where the kernel has bound a socket.
 *
 * @param servesIpv4 whether clients of IPv4 can reach it, if it is not a Unix socket
 * @param servesIpv6 the same for IPv6
 */
record BoundAddress(SocketAddress address, boolean servesIpv4, boolean servesIpv6) {
    /**
     * Whether whoever requests that address means this socket, however the address is written. A port 0
     * means none, since it stands for any free port.
     */
    boolean is(SocketAddress requested) {
        if (requested instanceof InetSocketAddress wanted && address instanceof InetSocketAddress actual) {
            return samePort(wanted, actual) && isHost(wanted.getAddress(), actual.getAddress());
        }
        return requested instanceof DomainSocketAddress wanted
                && address instanceof DomainSocketAddress actual
                && UnixSockets.isSame(wanted, actual);
    }

    private static boolean samePort(InetSocketAddress wanted, InetSocketAddress actual) {
        return wanted.getPort() != 0 && wanted.getPort() == actual.getPort() && !wanted.isUnresolved();
    }

    private boolean isHost(InetAddress wanted, InetAddress actual) {
        if (wanted.isAnyLocalAddress() && actual.isAnyLocalAddress()) {
            return serves(wanted);
        }
        return wanted.equals(actual) && scope(wanted) == scope(actual);
    }

    private boolean serves(InetAddress host) {
        return host instanceof Inet4Address ? servesIpv4 : servesIpv6;
    }

    /** A link-local address is that of one interface, which equals() does not look at. */
    private static int scope(InetAddress host) {
        return host instanceof Inet6Address six && host.isLinkLocalAddress() ? six.getScopeId() : 0;
    }

    /** Whether the kernel refuses to bind another socket to that address while this one is open. */
    boolean isInTheWayOf(SocketAddress requested) {
        if (requested instanceof InetSocketAddress wanted && address instanceof InetSocketAddress actual) {
            InetAddress host = wanted.getAddress();
            return samePort(wanted, actual)
                    && (includes(host, actual.getAddress())
                            || (actual.getAddress().isAnyLocalAddress() && serves(host))
                            || isHost(host, actual.getAddress()));
        }
        return is(requested);
    }

    /** Netty's wildcard is that of IPv6, for IPv4 too, unless the JVM prefers IPv4. */
    private static boolean includes(InetAddress wildcard, InetAddress other) {
        return wildcard.isAnyLocalAddress() && (other instanceof Inet4Address || Socket.isIPv6Preferred());
    }

    boolean isWildcard() {
        return address instanceof InetSocketAddress inet && inet.getAddress().isAnyLocalAddress();
    }

    /** {@code [::]:8080 (IPv6 only)}, for messages. */
    @Override
    public String toString() {
        String text = Addresses.text(address);
        if (!isWildcard() || (servesIpv4 && servesIpv6)) {
            return text;
        }
        return text + (servesIpv4 ? " (IPv4 only)" : " (IPv6 only)");
    }
}
