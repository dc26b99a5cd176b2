package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.link.WireNames;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.Os;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The duplicates of the used descriptors that one upgrade passes to the child. They live until the commit or
 * the rollback, so that what was open when the upgrade began stays open whatever its owner does. Thread-safe.
 */
final class Duplicates {
    private static final System.Logger LOG = Log.get();

    private final Os os;
    private final Map<FdName, Integer> numbers = new LinkedHashMap<>();
    /** Those of them that were so when the upgrade began. */
    private final Map<FdName, Integer> nonBlocking = new LinkedHashMap<>();

    /**
     * Above all numbers that the child will have, so that nothing has to be moved out of the way at the
     * spawn.
     */
    private int above;

    private boolean closed;

    Duplicates(Os os) {
        this.os = os;
    }

    /**
     * Asks every owner for its descriptor. Fails if one of them fails or a descriptor cannot be duplicated.
     */
    CompletableFuture<Void> take(Map<FdName, FdSource> sources) {
        synchronized (this) {
            above = ParentLink.FIRST_PASSED_FD + sources.size();
        }
        return CompletableFuture.allOf(sources.entrySet().stream()
                .map(entry -> take(entry.getKey(), entry.getValue()))
                .toArray(CompletableFuture<?>[]::new));
    }

    private CompletableFuture<?> take(FdName name, FdSource source) {
        CompletableFuture<@Nullable Void> failed = new CompletableFuture<>();
        try {
            CompletableFuture<?> lent =
                    source.lend(fd -> duplicate(name, fd, failed)).toCompletableFuture();
            return lent.thenCompose(done -> failed.isDone() ? failed : CompletableFuture.completedFuture(null));
        } catch (RuntimeException | Error e) {
            return CompletableFuture.failedFuture(new IllegalStateException(name + ": its owner does not lend it", e));
        }
    }

    private synchronized void duplicate(FdName name, int fd, CompletableFuture<?> failed) {
        if (closed) {
            return; // lent after the upgrade was given up
        }
        try {
            int copy = os.duplicate(fd, above);
            Integer before = numbers.put(name, copy);
            if (os.isNonBlocking(copy)) {
                nonBlocking.put(name, copy);
            }
            if (before != null) {
                os.close(before); // an owner that lends twice
            }
        } catch (SystemCallException e) {
            failed.completeExceptionally(e);
        }
    }

    /** The names in the form that goes over the wire, in the order of {@link #numbers()}. */
    synchronized List<List<String>> wireNames() {
        return numbers.keySet().stream().map(WireNames::encode).toList();
    }

    /** The names at these positions of {@link #wireNames()}; others are none. */
    synchronized Set<FdName> names(Collection<Integer> positions) {
        return positions(positions).keySet();
    }

    /** Those of {@link #names} with their positions. */
    synchronized Map<FdName, Integer> positions(Collection<Integer> positions) {
        List<FdName> all = List.copyOf(numbers.keySet());
        Map<FdName, Integer> named = new LinkedHashMap<>();
        for (int position : positions) {
            if (position >= 0 && position < all.size()) {
                named.put(all.get(position), position);
            }
        }
        return named;
    }

    synchronized Stream<Integer> numbers() {
        return List.copyOf(numbers.values()).stream();
    }

    /**
     * Closes them when the child has not become the service. What it has done to the open files it has done
     * to those of this process: Go sets each socket to blocking for a moment when it makes a listener of it,
     * and sockets that a child leaves like that hang the event loops here.
     */
    synchronized void takeBack() {
        nonBlocking.forEach((name, fd) -> {
            try {
                os.setNonBlocking(fd);
            } catch (SystemCallException e) {
                LOG.log(WARNING, name + " may be blocking", e);
            }
        });
        close();
    }

    /** Closes them. Does nothing the second time. */
    synchronized void close() {
        closed = true;
        numbers.forEach((name, fd) -> {
            try {
                os.close(fd);
            } catch (SystemCallException e) {
                LOG.log(WARNING, "duplicate of " + name, e);
            }
        });
        numbers.clear();
        nonBlocking.clear();
    }
}
