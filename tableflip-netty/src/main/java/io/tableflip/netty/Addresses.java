package io.tableflip.netty;

import io.netty.util.NetUtil;
import io.tableflip.core.FdName;
import java.net.BindException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Set;

/** Addresses as users write them, and whether two of them mean the same. */
final class Addresses {
    private Addresses() {}

    /** {@code host:port} as it was written, an IPv6 literal in its short form and in brackets. */
    static String text(SocketAddress address) {
        if (!(address instanceof InetSocketAddress inet)) {
            return address.toString();
        }
        String host = inet.getHostString();
        return (host.indexOf(':') < 0 ? host : "[" + shortened(host, inet.getAddress()) + "]") + ":" + inet.getPort();
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
    static boolean matches(InetSocketAddress requested, InetSocketAddress actual) {
        boolean port = requested.getPort() == 0 || requested.getPort() == actual.getPort();
        InetAddress host = requested.getAddress();
        if (host == null || actual.getAddress() == null) {
            return false;
        }
        boolean wildcard = host.isAnyLocalAddress() && actual.getAddress().isAnyLocalAddress();
        return port && (wildcard || host.equals(actual.getAddress()));
    }

    /** {@code bind 0.0.0.0:9090: Address already in use}, and what might have been meant. */
    static BindException bindFailure(SocketAddress address, Throwable cause, Set<FdName> unclaimed) {
        String hint = unclaimed.isEmpty() ? "" : "; inherited under other names and not claimed: " + unclaimed;
        BindException failure = new BindException("bind " + text(address) + ": " + words(cause) + hint);
        failure.initCause(cause);
        return failure;
    }

    /** Without Netty's "bind(..) failed with error(-98): ". */
    private static String words(Throwable cause) {
        String message = cause.getMessage();
        if (message == null) {
            return cause.toString();
        }
        int prefix = message.indexOf("): ");
        return prefix < 0 ? message : message.substring(prefix + 3);
    }
}
