package io.tableflip.netty.channel;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.BindException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Binds Unix sockets. Whatever stands at a path stays there, though Netty would remove it before it binds.
 */
final class UnixSockets {
    /** Of sun_path in sockaddr_un, with the zero at the end of a path. Netty cuts what is longer. */
    private static final int MAX_PATH = 107;

    private static final int MAX_ABSTRACT = 108;

    private static final int BACKLOG = 128; // until the channel has its options

    private UnixSockets() {}

    static boolean isAbstract(DomainSocketAddress address) {
        return address.path().startsWith("\0");
    }

    /** As the field writes them: a path as it is, an abstract name with an @. */
    static String text(DomainSocketAddress address) {
        return isAbstract(address) ? "@" + address.path().substring(1) : address.path();
    }

    /** Whether both are the same abstract name, or paths that lead to the same file. */
    static boolean isSame(DomainSocketAddress one, DomainSocketAddress other) {
        if (isAbstract(one) || isAbstract(other)) {
            return one.path().equals(other.path());
        }
        try {
            Path path = Path.of(one.path());
            return Files.exists(path) && Files.isSameFile(path, Path.of(other.path()));
        } catch (IOException | InvalidPathException e) { // one of them leads nowhere
            return false;
        }
    }

    /** @throws IllegalArgumentException if no socket can be bound to such a path or name */
    static void check(DomainSocketAddress address) {
        String path = address.path();
        int length = path.getBytes(UTF_8).length;
        if (path.isEmpty() || path.equals("\0")) {
            throw new IllegalArgumentException("a Unix socket needs a path or a name");
        }
        if (isAbstract(address)) {
            if (length > MAX_ABSTRACT) {
                throw tooLong(address, length - 1, MAX_ABSTRACT - 1);
            }
            return;
        }
        if (path.startsWith("@")) {
            throw new IllegalArgumentException(path + " can be read in two ways: \\0" + path.substring(1)
                    + " is the abstract name, ./" + path + " the path");
        }
        if (path.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a path with a zero byte: " + path.replace('\0', '?'));
        }
        if (length > MAX_PATH) {
            throw tooLong(address, length, MAX_PATH);
        }
    }

    private static IllegalArgumentException tooLong(DomainSocketAddress address, int length, int limit) {
        return new IllegalArgumentException(text(address) + " has " + length
                + " bytes, and a Unix socket's path or name can have " + limit + ": choose a shorter one");
    }

    /**
     * A new socket that is bound and, for streams, listens.
     *
     * @param replaceStale whether a socket file at which nobody listens is removed before
     */
    static Socket bind(SocketKind kind, DomainSocketAddress address, boolean replaceStale) throws IOException {
        if (!isAbstract(address)) {
            makeWay(kind, address, replaceStale);
        }
        Socket socket = open(kind);
        try {
            socket.bind(address);
            if (kind == SocketKind.UNIX) {
                socket.listen(BACKLOG);
            }
            return socket;
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private static Socket open(SocketKind kind) {
        return kind == SocketKind.UNIX ? Socket.newSocketDomain() : Socket.newSocketDomainDgram();
    }

    private static void makeWay(SocketKind kind, DomainSocketAddress address, boolean replaceStale) throws IOException {
        Path path = Path.of(address.path());
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        BasicFileAttributes file = Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!file.isOther()) {
            throw new BindException("this exists and is no socket, so it stays: choose another path, or remove it");
        }
        if (isServed(kind, address)) {
            throw new BindException("Address already in use");
        }
        if (!replaceStale) {
            throw new BindException(
                    "a socket file is there that nobody listens at, as a process leaves it that is killed:"
                            + " remove it before the start, or have that done by replaceStaleSocket()");
        }
        Files.delete(path);
    }

    /** Asks who knows: a connection to a socket that nobody has open is refused. */
    private static boolean isServed(SocketKind kind, DomainSocketAddress address) throws IOException {
        Socket probe = open(kind);
        try {
            probe.connect(address);
            return true;
        } catch (IOException e) {
            // anything else: its queue is full, it is of another type, or not for us
            return !String.valueOf(e.getMessage()).contains("Connection refused");
        } finally {
            probe.close();
        }
    }
}
