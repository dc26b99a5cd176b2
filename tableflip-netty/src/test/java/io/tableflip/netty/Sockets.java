package io.tableflip.netty;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.LinuxSocket;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import jnr.constants.platform.Fcntl;
import jnr.posix.POSIXFactory;

/** Sockets as a parent could have passed them, good ones and bad ones. */
public final class Sockets {
    static {
        Epoll.ensureAvailability();
    }

    private Sockets() {}

    /** Bound to the loopback; a free port. */
    public static Socket bound(Cleanup cleanup) throws IOException {
        LinuxSocket socket = LinuxSocket.newSocketStream(false);
        cleanup.add(socket::close);
        socket.bind(TestServer.ANY_PORT);
        return socket;
    }

    /** That nobody uses at the moment. */
    public static InetSocketAddress freeAddress() throws IOException {
        LinuxSocket socket = LinuxSocket.newSocketStream(false);
        try {
            socket.bind(TestServer.ANY_PORT);
            return socket.localAddress();
        } finally {
            socket.close();
        }
    }

    public static Socket listening(Cleanup cleanup, int backlog) throws IOException {
        Socket socket = bound(cleanup);
        socket.listen(backlog);
        return socket;
    }

    public static Socket datagram(Cleanup cleanup) throws IOException {
        LinuxSocket socket = LinuxSocket.newSocketDgram(false);
        cleanup.add(socket::close);
        socket.bind(TestServer.ANY_PORT);
        return socket;
    }

    /** A second number for the same socket, to be adopted; closed in the end if it was not. */
    public static int duplicate(Cleanup cleanup, Socket socket) {
        int duplicate = POSIXFactory.getPOSIX().dup(socket.intValue());
        cleanup.add(() -> {
            if (link(duplicate).equals(link(socket.intValue()))) {
                new Socket(duplicate).close();
            }
        });
        return duplicate;
    }

    /**
     * What the number stands for; empty if for nothing, or not any more: other threads close theirs
     * meanwhile.
     */
    public static String link(int fd) throws IOException {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    /** How many sockets this process has open. */
    public static long open() throws IOException {
        long count = 0;
        try (DirectoryStream<Path> numbers = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path number : numbers) {
                if (link(Integer.parseInt(number.getFileName().toString())).startsWith("socket:")) {
                    count++;
                }
            }
        }
        return count;
    }

    /** The number under which this process has the file open. */
    public static int numberOf(Path file) throws IOException {
        try (DirectoryStream<Path> numbers = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path number : numbers) {
                int fd = Integer.parseInt(number.getFileName().toString());
                if (link(fd).equals(file.toString())) {
                    return fd;
                }
            }
        }
        throw new IOException(file + " is not open");
    }

    public static void makeBlocking(Socket socket) {
        POSIXFactory.getPOSIX().fcntlInt(socket.intValue(), Fcntl.F_SETFL, 0);
    }
}
