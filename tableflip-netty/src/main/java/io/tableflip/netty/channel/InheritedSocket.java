package io.tableflip.netty.channel;

import io.netty.channel.Channel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import io.tableflip.core.Fd;
import io.tableflip.core.WrongDescriptorException;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What an inherited descriptor is, once somebody has looked: Netty does not, and a channel on the wrong
 * descriptor seems to work, accepts nothing, or closes what belongs to somebody else.
 */
final class InheritedSocket {
    // The same numbers on x86-64 and aarch64, the two that Netty has native libraries for.
    private static final int SOL_SOCKET = 1;
    private static final int SO_TYPE = 3;
    private static final int SO_ACCEPTCONN = 30;
    private static final int SO_DOMAIN = 39;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_SEQPACKET = 5;
    private static final int AF_UNIX = 1;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int O_NONBLOCK = 04000;
    /**
     * Where {@code /proc} has those of a descriptor: in the second line, of which the first one is short too.
     */
    private static final String FLAGS = "flags:";

    private static final int FLAGS_WITHIN = 128;

    private final Fd fd;
    private final Socket socket;
    private final int type;
    private final int domain;
    private final boolean listens;

    private InheritedSocket(Fd fd) throws IOException {
        this.fd = fd;
        try {
            socket = new Socket(fd.number());
        } catch (RuntimeException e) {
            throw new WrongDescriptorException(fd, "is not a socket", e);
        }
        domain = option(SO_DOMAIN);
        type = option(SO_TYPE);
        listens = option(SO_ACCEPTCONN) != 0;
    }

    /**
     * @throws WrongDescriptorException if the descriptor is not a bound socket of that kind that is ready to
     * be served
     */
    static InheritedSocket bound(Fd fd, SocketKind kind) throws IOException {
        InheritedSocket socket = new InheritedSocket(fd);
        if (kind == SocketKind.UNIX && socket.domain == AF_UNIX && socket.type == SOCK_SEQPACKET) {
            throw socket.wrong("is a unixpacket socket (SOCK_SEQPACKET), which Netty cannot serve");
        }
        if (!socket.is(kind)) {
            throw socket.wrong("is not " + kind);
        }
        if (kind.isListener() && !socket.listens) {
            throw socket.wrong("does not listen");
        }
        return socket;
    }

    /** @throws WrongDescriptorException if the descriptor is not a connection that Netty can take */
    static InheritedSocket connected(Fd fd) throws IOException {
        InheritedSocket socket = new InheritedSocket(fd);
        if (socket.type != SOCK_STREAM || socket.listens) {
            throw socket.wrong("is not a connection over TCP or a Unix stream socket");
        }
        return socket;
    }

    private boolean is(SocketKind kind) {
        int expected = kind.isListener() ? SOCK_STREAM : SOCK_DGRAM;
        boolean family = kind.isUnix() ? isUnix() : domain == AF_INET || domain == AF_INET6;
        return type == expected && family;
    }

    boolean isUnix() {
        return domain == AF_UNIX;
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

    /**
     * Makes the channel, which owns the descriptor from then on. On any failure it stays with its owner,
     * open.
     */
    <C extends Channel> C adopt(IntFunction<C> channel) throws IOException {
        if (isBlocking(fd.number())) {
            // Some other program made it. Netty's event loop would hang in accept(2).
            fd.setNonBlocking();
        }
        C adopted = channel.apply(fd.number());
        fd.release();
        return adopted;
    }

    WrongDescriptorException wrong(String why) {
        return new WrongDescriptorException(fd, why, null);
    }

    private int option(int option) throws IOException {
        try {
            return socket.getIntOpt(SOL_SOCKET, option);
        } catch (IOException | RuntimeException e) {
            throw new WrongDescriptorException(fd, "is not an open socket", e);
        }
    }

    /**
     * From {@code /proc}, since the call itself would need native code that a child must not load on its way
     * to readiness.
     */
    private static boolean isBlocking(int fd) throws IOException {
        String file = "/proc/self/fdinfo/" + fd;
        byte[] start = new byte[FLAGS_WITHIN];
        try (FileInputStream in = new FileInputStream(file)) {
            String text = new String(start, 0, Math.max(0, in.read(start)), StandardCharsets.ISO_8859_1);
            int flags = text.indexOf(FLAGS);
            int end = text.indexOf('\n', flags);
            if (flags < 0 || end < 0) {
                throw new IOException(file + " has no flags");
            }
            return (Integer.parseInt(text.substring(flags + FLAGS.length(), end).strip(), 8) & O_NONBLOCK) == 0;
        }
    }
}
