package io.tableflip.netty.channel;

import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What the kernel says of a socket. */
final class SocketFacts {
    // The same numbers on x86-64 and aarch64, the two that Netty has native libraries for.
    private static final int SOL_SOCKET = 1;
    private static final int SO_TYPE = 3;
    private static final int SO_ACCEPTCONN = 30;
    private static final int SO_DOMAIN = 39;
    private static final int IPPROTO_IPV6 = 41;
    private static final int IPV6_V6ONLY = 26;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_SEQPACKET = 5;
    private static final int AF_UNIX = 1;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;

    private final Socket socket;
    private final int domain;
    private final int type;
    private final boolean listens;

    /** @throws IOException if it is not an open socket */
    SocketFacts(Socket socket) throws IOException {
        this.socket = socket;
        domain = socket.getIntOpt(SOL_SOCKET, SO_DOMAIN);
        type = socket.getIntOpt(SOL_SOCKET, SO_TYPE);
        listens = socket.getIntOpt(SOL_SOCKET, SO_ACCEPTCONN) != 0;
    }

    private boolean isUnix() {
        return domain == AF_UNIX;
    }

    boolean isUnixPacket() {
        return isUnix() && type == SOCK_SEQPACKET;
    }

    /** Whether it is of that kind, listening or not. */
    boolean is(SocketKind kind) {
        int expected = kind.isListener() ? SOCK_STREAM : SOCK_DGRAM;
        boolean family = kind.isUnix() ? isUnix() : domain == AF_INET || domain == AF_INET6;
        return type == expected && family;
    }

    /** Whether it is of that kind, and ready to be served. */
    boolean serves(SocketKind kind) {
        return is(kind) && (listens || !kind.isListener());
    }

    /** Where it is bound. */
    @Nullable
    SocketAddress localAddress() {
        if (!isUnix()) {
            return socket.localAddress();
        }
        DomainSocketAddress address = socket.localDomainSocketAddress();
        return address == null || address.path().isEmpty() ? null : address;
    }

    /** Where it is bound, and for whom; empty if it is not bound. */
    Optional<BoundAddress> boundAddress() {
        boolean six = domain == AF_INET6;
        return Optional.ofNullable(localAddress())
                .map(address -> new BoundAddress(address, domain == AF_INET || (six && !isIpv6Only()), six));
    }

    private boolean isIpv6Only() {
        try {
            return socket.getIntOpt(IPPROTO_IPV6, IPV6_V6ONLY) != 0;
        } catch (IOException e) { // then IPv4 is not known to it
            return false;
        }
    }
}
