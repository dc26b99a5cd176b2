package io.tableflip.netty.channel;

import io.netty.channel.Channel;
import io.netty.channel.epoll.AbstractEpollServerChannel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Makes the channel of a connection that came from the parent, as the server channel makes those that it
 * accepts. Netty's method for that is protected, and its classes are final: without reflection, as on the
 * module path, the channel is made directly, and its {@code parent()} is {@code null}.
 */
final class ConnectionTaker {
    private static final @Nullable Method NEW_CHILD = newChild();
    private static final int SCOPE_SIZE = 4;

    private ConnectionTaker() {}

    private static @Nullable Method newChild() {
        try {
            Method method = AbstractEpollServerChannel.class.getDeclaredMethod(
                    "newChildChannel", int.class, byte[].class, int.class, int.class);
            method.setAccessible(true);
            return method;
        } catch (ReflectiveOperationException | RuntimeException e) {
            return null;
        }
    }

    /**
     * Makes the channel, which owns the descriptor. It may be closed already, if its client has left.
     *
     * @throws IOException if it is no connection; the descriptor is closed then
     */
    static Channel take(Channel server, int fd) throws IOException {
        try {
            Channel made = NEW_CHILD == null ? null : asAccepted(server, fd, NEW_CHILD);
            if (made != null) {
                return made;
            }
            return server instanceof EpollServerDomainSocketChannel
                    ? new EpollDomainSocketChannel(fd)
                    : new EpollSocketChannel(fd);
        } catch (IOException | RuntimeException e) {
            new Socket(fd).close();
            throw e instanceof IOException failure ? failure : new IOException("not a connection: " + e, e);
        }
    }

    private static @Nullable Channel asAccepted(Channel server, int fd, Method method) throws IOException {
        byte[] peer = {};
        if (!(server instanceof EpollServerDomainSocketChannel)) {
            InetSocketAddress address = new Socket(fd).remoteAddress();
            if (address == null) {
                throw new IOException("the client has closed the connection on its way");
            }
            peer = bytes(address);
        }
        try {
            return (Channel) method.invoke(server, fd, peer, 0, peer.length);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IOException("Netty cannot make the channel: " + e.getCause(), e);
        }
    }

    /** As Netty's native code has them: the address, for IPv6 the scope, and the port. */
    private static byte[] bytes(InetSocketAddress address) {
        byte[] ip = address.getAddress().getAddress();
        boolean isV6 = address.getAddress() instanceof Inet6Address;
        ByteBuffer bytes = ByteBuffer.allocate(ip.length + (isV6 ? SCOPE_SIZE : 0) + Integer.BYTES)
                .put(ip);
        if (isV6) {
            bytes.putInt(((Inet6Address) address.getAddress()).getScopeId());
        }
        return bytes.putInt(address.getPort()).array();
    }
}
