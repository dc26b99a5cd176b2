package io.tableflip.netty.channel;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process itself has bound. Only for messages: a number may be somebody else's a moment later. */
final class OwnSockets {
    private OwnSockets() {}

    /** Whether a socket of this process keeps the kernel from binding one to that address. */
    static boolean isInTheWay(SocketKind kind, SocketAddress address) {
        if (!(address instanceof InetSocketAddress) || !Epoll.isAvailable()) {
            return false;
        }
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path fd : all) {
                if (isInTheWay(fd, kind, address)) {
                    return true;
                }
            }
        } catch (IOException e) {
            return false;
        }
        return false;
    }

    private static boolean isInTheWay(Path fd, SocketKind kind, SocketAddress address) {
        try {
            if (!Files.readSymbolicLink(fd).toString().startsWith("socket:")) {
                return false;
            }
            SocketFacts socket =
                    new SocketFacts(new Socket(Integer.parseInt(fd.getFileName().toString())));
            return socket.serves(kind)
                    && socket.boundAddress()
                            .filter(bound -> bound.isInTheWayOf(address))
                            .isPresent();
        } catch (IOException | RuntimeException e) { // closed meanwhile
            return false;
        }
    }
}
