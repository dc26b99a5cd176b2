package io.tableflip.netty.channel;

import io.netty.channel.Channel;
import io.netty.channel.unix.Socket;
import io.tableflip.core.Fd;
import io.tableflip.core.WrongDescriptorException;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What an inherited descriptor is, once somebody has looked: Netty does not, and a channel on the wrong
 * descriptor seems to work, accepts nothing, or closes what belongs to somebody else.
 */
final class InheritedSocket {
    private static final int O_NONBLOCK = 04000;
    /**
     * Where {@code /proc} has those of a descriptor: in the second line, of which the first one is short too.
     */
    private static final String FLAGS = "flags:";

    private static final int FLAGS_WITHIN = 128;

    private final Fd fd;
    private final Socket socket;
    private final SocketFacts facts;

    private InheritedSocket(Fd fd) throws IOException {
        this.fd = fd;
        try {
            socket = new Socket(fd.number());
        } catch (RuntimeException e) {
            throw new WrongDescriptorException(fd, "is not a socket", e);
        }
        try {
            facts = new SocketFacts(socket);
        } catch (IOException | RuntimeException e) {
            throw new WrongDescriptorException(fd, "is not an open socket", e);
        }
    }

    /**
     * @throws WrongDescriptorException if the descriptor is not a bound socket of that kind that is ready to
     * be served
     */
    static InheritedSocket bound(Fd fd, SocketKind kind) throws IOException {
        InheritedSocket socket = new InheritedSocket(fd);
        if (kind == SocketKind.UNIX && socket.facts.isUnixPacket()) {
            throw socket.wrong("is a unixpacket socket (SOCK_SEQPACKET), which Netty cannot serve");
        }
        if (!socket.facts.is(kind)) {
            throw socket.wrong("is not " + kind);
        }
        if (!socket.facts.serves(kind)) {
            throw socket.wrong("does not listen");
        }
        return socket;
    }

    /** Empty if the descriptor is not a bound socket of that kind that is ready to be served. */
    static Optional<InheritedSocket> find(Fd fd, SocketKind kind) {
        try {
            return Optional.of(bound(fd, kind));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Where it is bound. */
    @Nullable
    SocketAddress localAddress() {
        return facts.localAddress();
    }

    /** Where it is bound, and for whom; empty if it is not bound. */
    Optional<BoundAddress> boundAddress() {
        return facts.boundAddress();
    }

    /**
     * Lets sockets of this process be bound to the same address, as those of a group are.
     *
     * @return why the kernel refuses that; empty if it does not
     */
    Optional<String> shareAddress() {
        try {
            if (!socket.isReusePort()) {
                socket.setReusePort(true);
            }
            Object owner = owner(socket);
            Object user = ownerOfNewSockets();
            return owner.equals(user)
                    ? Optional.empty()
                    : Optional.of("with SO_REUSEPORT the sockets of one user share an address, and these are of user "
                            + owner + ", new ones of user " + user);
        } catch (IOException e) {
            return Optional.of("SO_REUSEPORT cannot be set on an inherited one (" + e.getMessage() + ")");
        }
    }

    private static Object ownerOfNewSockets() throws IOException {
        Socket fresh = Socket.newSocketStream();
        try {
            return owner(fresh);
        } finally {
            fresh.close();
        }
    }

    /** The user that has made it, by number. */
    private static Object owner(Socket socket) throws IOException {
        return Files.getAttribute(Path.of("/proc/self/fd/" + socket.intValue()), "unix:uid");
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
