package io.tableflip.netty.channel;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import io.tableflip.core.log.Log;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The names of the members of a SO_REUSEPORT group: {@code name#0} and so on. */
public final class GroupNames {
    private static final System.Logger LOG = Log.get();

    private final Fds fds;
    private final SocketKind kind;
    private final String group;

    /** @param group the name of the group */
    public GroupNames(Fds fds, SocketKind kind, String group) {
        this.fds = fds;
        this.kind = kind;
        this.group = group;
    }

    /**
     * As many as are configured. More if more were inherited: closing one would lose what is queued at it.
     * Fewer if none can be bound beside those that were inherited.
     */
    public List<FdName> of(SocketAddress address, int count) {
        InheritedSockets sockets = new InheritedSockets(fds, kind);
        List<FdName> there = sockets.at(address);
        int inherited = inherited();
        if (inherited == 0 && !there.isEmpty()) { // under other names
            inherited = 1 + sockets.inGroupOf(there.get(0), address).size();
        }
        int size = Math.max(inherited, count);
        if (inherited > count) {
            LOG.log(
                    INFO,
                    "{0}: {1} sockets were inherited, all are served though {2} are configured: closing one would lose what is"
                            + " queued at it",
                    group,
                    Integer.toString(inherited),
                    Integer.toString(count));
        } else if (there.size() < count) {
            size = Math.max(inherited, grow(sockets, there, count));
        }
        List<FdName> names = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            names.add(member(i));
        }
        return names;
    }

    private FdName member(int number) {
        return kind.name(group + "#" + number);
    }

    private int inherited() {
        int number = 0;
        while (fds.inherited().contains(member(number))) {
            number++;
        }
        return number;
    }

    /** Makes sure that others can be bound beside the inherited ones. */
    private int grow(InheritedSockets sockets, List<FdName> there, int count) {
        Optional<String> refusal = sockets.shareAddress(there);
        if (refusal.isEmpty()) {
            return count;
        }
        LOG.log(
                WARNING,
                "{0}: serves {1} of {2} sockets, those that were inherited: {3}. Stop and start the service once to have all",
                group,
                Integer.toString(there.size()),
                Integer.toString(count),
                refusal.get());
        return there.size();
    }
}
