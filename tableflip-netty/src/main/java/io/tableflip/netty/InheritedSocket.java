package io.tableflip.netty;

import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.Socket;
import io.tableflip.core.Fd;
import io.tableflip.core.WrongDescriptorException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Makes a channel of an inherited listening socket, once it is sure that it is one: Netty does not look, and a channel on the wrong
 * descriptor seems to work, accepts nothing, or closes what belongs to somebody else.
 */
final class InheritedSocket {
    // The same numbers on x86-64 and aarch64, the two that Netty has native libraries for.
    private static final int SOL_SOCKET = 1;
    private static final int SO_TYPE = 3;
    private static final int SO_ACCEPTCONN = 30;
    private static final int SO_DOMAIN = 39;
    private static final int SOCK_STREAM = 1;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int O_NONBLOCK = 04000;

    private InheritedSocket() {}

    /**
     * Makes the channel, which owns the descriptor from then on. On any failure it stays with its owner, open.
     *
     * @throws WrongDescriptorException if the descriptor is not a TCP socket that listens at that address
     */
    static EpollServerSocketChannel adopt(Fd fd, InetSocketAddress address) throws IOException {
        check(fd, address);
        if (isBlocking(fd.number())) {
            // Some other program made it. Netty's event loop would hang in accept(2).
            fd.setNonBlocking();
        }
        EpollServerSocketChannel channel = new EpollServerSocketChannel(fd.number());
        fd.release();
        return channel;
    }

    private static void check(Fd fd, InetSocketAddress address) throws IOException {
        Socket socket = open(fd);
        int domain = option(fd, socket, SO_DOMAIN);
        if (option(fd, socket, SO_TYPE) != SOCK_STREAM || (domain != AF_INET && domain != AF_INET6)) {
            throw new WrongDescriptorException(fd, "is not a TCP socket", null);
        }
        if (option(fd, socket, SO_ACCEPTCONN) == 0) {
            throw new WrongDescriptorException(fd, "does not listen", null);
        }
        InetSocketAddress actual = socket.localAddress();
        if (!Addresses.matches(address, actual)) {
            throw new WrongDescriptorException(
                    fd,
                    "listens at " + Addresses.text(actual) + ", not at " + Addresses.text(address)
                            + ": use another name for another address",
                    null);
        }
    }

    private static Socket open(Fd fd) throws IOException {
        try {
            return new Socket(fd.number());
        } catch (RuntimeException e) {
            throw new WrongDescriptorException(fd, "is not a socket", e);
        }
    }

    private static int option(Fd fd, Socket socket, int option) throws IOException {
        try {
            return socket.getIntOpt(SOL_SOCKET, option);
        } catch (IOException | RuntimeException e) {
            throw new WrongDescriptorException(fd, "is not an open socket", e);
        }
    }

    /** From {@code /proc}, since the call itself would need native code that a child must not load on its way to readiness. */
    private static boolean isBlocking(int fd) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/fdinfo/" + fd))) {
            if (line.startsWith("flags:")) {
                return (Integer.parseInt(line.substring("flags:".length()).strip(), 8) & O_NONBLOCK) == 0;
            }
        }
        throw new IOException("/proc/self/fdinfo/" + fd + " has no flags");
    }
}
