package io.tableflip.netty.channel;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelPromise;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.drain.LoopTasks;
import java.io.IOException;

/** Established connections that go from one generation to the next. */
public final class Connections {
    private Connections() {}

    public static ChannelFuture handOver(Upgrader upgrader, Channel connection, FdName name) {
        requireConn(name);
        if (!(connection instanceof EpollSocketChannel) && !(connection instanceof EpollDomainSocketChannel)) {
            throw new IllegalArgumentException(
                    "only a TCP or Unix stream channel of the epoll transport can be handed over, this is a "
                            + connection.getClass().getSimpleName());
        }
        ChannelPromise noted = connection.newPromise();
        LoopTasks.execute(
                connection.eventLoop(),
                () -> note(upgrader, connection, name, noted),
                () -> noted.tryFailure(new IllegalStateException("the event loop of " + connection + " has ended")));
        return noted;
    }

    private static void note(Upgrader upgrader, Channel connection, FdName name, ChannelPromise noted) {
        try {
            if (!connection.isActive()) {
                throw new IllegalStateException(connection + " is closed and cannot be handed over");
            }
            if (connection.pipeline().get(Gate.class) != null) {
                throw new IllegalStateException(connection + " is handed over already");
            }
            share(upgrader, connection, name);
            Listener.forget(connection);
            noted.trySuccess();
        } catch (RuntimeException e) {
            noted.tryFailure(e);
        }
    }

    /** The next generation gets it, or it stays as it was. */
    private static void share(Upgrader upgrader, Channel connection, FdName name) {
        Fds.Reservation reservation = upgrader.fds().reserve(name);
        try {
            if (reservation.inherited().isPresent()) {
                throw new IllegalStateException(
                        name + " was inherited and is not adopted: adopt it, or choose another name");
            }
            SharedChannel shared = SharedChannel.connection(upgrader, connection, reservation);
            shared.goOn(); // first: whoever learns of it may release it, and it may have read something
            shared.serve();
        } catch (RuntimeException e) {
            reservation.close();
            Gate gate = connection.pipeline().get(Gate.class);
            if (gate != null) {
                connection.pipeline().remove(gate);
            }
            throw e;
        }
    }

    public static ChannelFuture adopt(Upgrader upgrader, Bootstrap bootstrap, FdName name) {
        requireConn(name);
        return bootstrap
                .clone()
                .channelFactory(() -> make(upgrader, name))
                .register()
                .addListener(registered -> {
                    if (!registered.isSuccess()) {
                        upgrader.reportFailure(registered.cause());
                    }
                });
    }

    private static Channel make(Upgrader upgrader, FdName name) {
        EpollLoops.requireAvailable();
        Fds.Reservation reservation = upgrader.fds().reserve(name);
        try {
            Fd fd = reservation.inherited().orElseThrow(() -> new IllegalStateException(absent(upgrader, name)));
            InheritedSocket socket = InheritedSocket.connected(fd);
            Channel channel = socket.isUnix()
                    ? socket.adopt(EpollDomainSocketChannel::new)
                    : socket.adopt(EpollSocketChannel::new);
            return shared(upgrader, channel, reservation);
        } catch (IOException e) {
            reservation.close();
            throw new ChannelException(e.getMessage(), e);
        } catch (RuntimeException e) {
            reservation.close();
            throw e;
        }
    }

    /** In a process that is leaving it is of no use. */
    private static Channel shared(Upgrader upgrader, Channel channel, Fds.Reservation reservation) {
        try {
            SharedChannel.connection(upgrader, channel, reservation).serve();
            return channel;
        } catch (RuntimeException e) {
            channel.unsafe().closeForcibly();
            throw e;
        }
    }

    private static String absent(Upgrader upgrader, FdName name) {
        return upgrader.fds().unclaimed().contains(name)
                ? name + " was inherited, and closed since it was not adopted before ready()"
                : name + " was not inherited, or was adopted before; inherited are "
                        + upgrader.fds().inherited();
    }

    private static void requireConn(FdName name) {
        if (name.kind() != FdName.Kind.CONN) {
            throw new IllegalArgumentException(
                    name + " is not the name of a connection: make one with FdName.conn(..)");
        }
    }
}
