package io.tableflip.netty.channel;

import static java.lang.System.Logger.Level.INFO;

import io.netty.channel.Channel;
import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import io.tableflip.core.Fds.Reservation;
import io.tableflip.core.log.Log;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Adopts the other sockets of a group whose address a plain bind requests: closing one would lose what is
 * queued at it. They are passed on under the name of the plain socket with {@code +1} and so on.
 */
final class JoinedSockets {
    private static final System.Logger LOG = Log.get();

    private final Fds fds;
    private final SocketKind kind;
    private final FdName name;
    private int last;

    /** @param name of the plain socket */
    JoinedSockets(Fds fds, SocketKind kind, FdName name) {
        this.fds = fds;
        this.kind = kind;
        this.name = name;
    }

    /** A channel that is not registered yet, and the right to its name. */
    record JoinedSocket(Channel channel, Reservation reservation) {
        void close() {
            channel.unsafe().closeForcibly();
            reservation.close();
        }
    }

    /** On a failure none is adopted. */
    List<JoinedSocket> adopt(List<FdName> members) throws IOException {
        List<JoinedSocket> adopted = new ArrayList<>();
        try {
            for (FdName member : members) {
                adopt(member).ifPresent(adopted::add);
            }
        } catch (IOException | RuntimeException e) {
            adopted.forEach(JoinedSocket::close);
            throw e;
        }
        if (!adopted.isEmpty()) {
            LOG.log(
                    INFO,
                    "{0}: serves {1} further inherited sockets of its address: closing one would lose what is queued at it",
                    name,
                    Integer.toString(adopted.size()));
        }
        return adopted;
    }

    private Optional<JoinedSocket> adopt(FdName member) throws IOException {
        Reservation reservation = fds.reserve(isOwn(member) ? member : freeName());
        try {
            Optional<Fd> fd = isOwn(member) ? reservation.inherited() : reservation.inherit(member);
            if (fd.isEmpty()) { // somebody has claimed it meanwhile
                reservation.close();
                return Optional.empty();
            }
            Channel channel = InheritedSocket.bound(fd.get(), kind).adopt(kind::adopt);
            return Optional.of(new JoinedSocket(channel, reservation));
        } catch (IOException | RuntimeException e) {
            reservation.close();
            throw e;
        }
    }

    private boolean isOwn(FdName member) {
        return InheritedSockets.isJoinedTo(name, member);
    }

    private FdName freeName() {
        Set<FdName> taken = new HashSet<>(fds.inherited());
        taken.addAll(fds.used());
        FdName free;
        do {
            last++;
            free = InheritedSockets.joinedTo(name, last);
        } while (taken.contains(free));
        return free;
    }
}
