package io.tableflip.netty.channel;

import io.netty.channel.unix.Errors.NativeIoException;
import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.UnresolvedAddressException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Why a bind has failed, for someone who has to do something about it.
 *
 * @param former where the socket of that name was in the parent, if that is another address
 */
record BindFailure(
        SocketAddress address,
        SocketKind kind,
        FdName name,
        Fds fds,
        @Nullable BoundAddress former) {
    private static final int EADDRINUSE = 98; // on x86-64 and aarch64

    /** {@code bind 0.0.0.0:9090: Address already in use}, and what is in the way. */
    BindException of(Throwable cause) {
        BindException failure =
                new BindException("bind " + Addresses.resolved(address) + ": " + words(cause) + hint(cause));
        failure.initCause(cause);
        return failure;
    }

    private String hint(Throwable cause) {
        if (fds.unclaimed().contains(name)) {
            return "; " + name
                    + " was inherited, but not claimed before ready(), and so it was closed here: bind before ready()";
        }
        Map<FdName, BoundAddress> inTheWay = isInUse(cause) ? inTheWay() : Map.of();
        if (!inTheWay.isEmpty()) {
            return inherited(inTheWay);
        }
        if (former != null) {
            return moved(former, isInUse(cause));
        }
        return isInUse(cause) ? otherHint() : "";
    }

    private static boolean isInUse(Throwable cause) {
        return (cause instanceof BindException && "Address already in use".equals(cause.getMessage()))
                || (cause instanceof NativeIoException system && Math.abs(system.expectedErr()) == EADDRINUSE);
    }

    private Map<FdName, BoundAddress> inTheWay() {
        Map<FdName, BoundAddress> all = new LinkedHashMap<>();
        if (former != null && former.isInTheWayOf(address)) {
            all.put(name, former);
        }
        all.putAll(new InheritedSockets(fds, kind).inTheWayOf(address));
        return all;
    }

    private String inherited(Map<FdName, BoundAddress> inTheWay) {
        BoundAddress first = inTheWay.values().iterator().next();
        String all = inTheWay.entrySet().stream()
                .map(entry -> entry.getKey() + " at " + entry.getValue())
                .collect(Collectors.joining(", "));
        return "; in the way is the inherited " + all + ": " + reason(first) + ". Keep " + first
                + " for upgrades; to change it, stop and start the service once";
    }

    private String reason(BoundAddress other) {
        boolean wildcard = address instanceof InetSocketAddress inet
                && !inet.isUnresolved()
                && inet.getAddress().isAnyLocalAddress();
        if (wildcard && other.isWildcard()) {
            return "it does not serve the same versions of IP, and the kernel does not bind a second wildcard address"
                    + " to its port";
        }
        if (wildcard || other.isWildcard()) {
            return "a wildcard address includes each single address, so the kernel does not bind both to one port";
        }
        return "the kernel does not bind a second socket to its address";
    }

    private String moved(BoundAddress from, boolean inUse) {
        String why = "";
        if (inUse) {
            why = OwnSockets.isInTheWay(kind, address)
                    ? " to that of another listener of this process"
                    : " to one that is taken";
        }
        return "; " + name + " was inherited at " + from + " and its address has changed" + why
                + ". Restore that address, or " + (inUse ? "free" : "correct") + " the new one";
    }

    private String otherHint() {
        if (OwnSockets.isInTheWay(kind, address)) {
            return "; another listener of this process has the address. (One that moves to another address keeps the"
                    + " former one until the parent has exited: bind it after the listener that needs the former one.)";
        }
        List<FdName> closed = fds.unclaimed().stream().filter(kind::mayBe).toList();
        return closed.isEmpty()
                ? ""
                : "; inherited, not claimed before ready() and therefore closed here: " + closed
                        + ". If one of these has the address, bind before ready()";
    }

    /** Without Netty's "bind(..) failed with error(-98): ". */
    private static String words(Throwable cause) {
        String message = cause.getMessage();
        if (cause instanceof UnresolvedAddressException) {
            return "the host name cannot be resolved";
        }
        if (message == null) {
            return cause.toString();
        }
        int prefix = message.indexOf("): ");
        return prefix < 0 ? message : message.substring(prefix + 3);
    }
}
