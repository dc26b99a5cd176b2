package io.tableflip.netty.channel;

import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.NetUtil;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Addresses as users write them, and whether two of them mean the same. */
public final class Addresses {
    private Addresses() {}

    /**
     * {@code host:port} as it was written, an IPv6 literal in its short form and in brackets; a path, or an
     * abstract name with an @.
     */
    public static String text(SocketAddress address) {
        if (address instanceof DomainSocketAddress domain) {
            return UnixSockets.text(domain);
        }
        if (!(address instanceof InetSocketAddress inet)) {
            return address.toString();
        }
        String host = inet.getHostString();
        return (host.indexOf(':') < 0 ? host : "[" + shortened(host, inet.getAddress()) + "]") + ":" + inet.getPort();
    }

    /** The same, and what a host name stands for now: {@code localhost:80 (127.0.0.1)}. */
    static String resolved(SocketAddress address) {
        return address instanceof InetSocketAddress inet && hasHostName(inet) && !inet.isUnresolved()
                ? text(inet) + " (" + NetUtil.toAddressString(inet.getAddress()) + ")"
                : text(address);
    }

    /** Whether the address is a host name, which may stand for another one tomorrow. */
    static boolean hasHostName(SocketAddress address) {
        return address instanceof InetSocketAddress inet
                && inet.getHostString().indexOf(':') < 0
                && !NetUtil.isValidIpV4Address(inet.getHostString());
    }

    /** Java spells the eight groups of {@code ::1} out. */
    private static String shortened(String literal, InetAddress address) {
        int scope = literal.indexOf('%');
        return address instanceof Inet6Address
                ? NetUtil.toAddressString(address) + (scope < 0 ? "" : literal.substring(scope))
                : literal;
    }

    /** Whether two addresses were written the same way or are the same. */
    static boolean same(SocketAddress one, SocketAddress other) {
        return one.equals(other) || text(one).equals(text(other));
    }

    /** Whether a socket bound to {@code actual} is one that {@code requested} could have made. */
    static boolean matches(SocketAddress requested, @Nullable SocketAddress actual) {
        if (requested instanceof InetSocketAddress one && actual instanceof InetSocketAddress other) {
            return matches(one, other);
        }
        return requested instanceof DomainSocketAddress one
                && actual instanceof DomainSocketAddress other
                && (place(one).equals(place(other)) || UnixSockets.isSame(one, other));
    }

    /**
     * What a path or name stands for; as the process has not moved, a relative path means the same as ever.
     */
    private static String place(DomainSocketAddress address) {
        return UnixSockets.isAbstract(address)
                ? address.path()
                : Path.of(address.path()).toAbsolutePath().normalize().toString();
    }

    private static boolean matches(InetSocketAddress requested, InetSocketAddress actual) {
        boolean port = requested.getPort() == 0 || requested.getPort() == actual.getPort();
        InetAddress host = requested.getAddress();
        if (host == null || actual.getAddress() == null) {
            return false;
        }
        boolean wildcard = host.isAnyLocalAddress() && actual.getAddress().isAnyLocalAddress();
        return port && (wildcard || host.equals(actual.getAddress()));
    }
}
