package io.tableflip.netty;

import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The right of one channel to its name, from before its channel is made until that is closed: the name is known to the
 * upgrader only when the channel is bound, and two binds may be under way. Thread-safe.
 */
final class NameLease {
    /** By what the names are unique in; empty when all is closed. */
    private static final Map<Fds, Map<FdName, NameLease>> LEASES = new WeakHashMap<>(); // guarded by itself

    private final Map<FdName, NameLease> leases;
    private final FdName name;
    private volatile @Nullable Bound holder;

    private NameLease(Map<FdName, NameLease> leases, FdName name) {
        this.leases = leases;
        this.name = name;
    }

    /** @throws IllegalStateException if the name is taken */
    static NameLease take(Fds fds, FdName name) {
        Map<FdName, NameLease> leases;
        synchronized (LEASES) {
            leases = LEASES.computeIfAbsent(fds, key -> new ConcurrentHashMap<>());
        }
        NameLease lease = new NameLease(leases, name);
        NameLease taken = leases.putIfAbsent(name, lease);
        while (taken != null && taken.endIfClosed()) {
            taken = leases.putIfAbsent(name, lease);
        }
        if (taken != null) {
            throw inUse(name);
        }
        return lease;
    }

    /** At an upgrade only one of the two could be passed on. */
    static IllegalStateException inUse(FdName name) {
        return new IllegalStateException(name + " is in use by this process: give one of the two a name of its own");
    }

    void heldBy(Bound bound) {
        holder = bound;
    }

    /** Netty does not tell of the close of a channel that could not be registered with its loop. */
    private boolean endIfClosed() {
        Bound bound = holder;
        if (bound == null || bound.channel().isOpen()) {
            return false;
        }
        bound.forget();
        return true;
    }

    void free() {
        leases.remove(name, this);
    }
}
