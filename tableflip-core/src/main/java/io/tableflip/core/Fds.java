package io.tableflip.core;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The descriptors that came from the parent and those that go to the child. Thread-safe.
 *
 * <p>A descriptor is <em>inherited</em> until it is claimed, and <em>used</em> from then on, as are those that were added.
 * What is used is passed on at the next upgrade, if it is open then. What is still inherited when this process has become
 * the service is closed; the path of an inherited Unix socket is removed with it.
 */
public final class Fds {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final List<FdName.Kind> KINDS = List.of(FdName.Kind.values());

    private final Map<FdName, Fd> inherited = new LinkedHashMap<>();
    private final Map<FdName, FdSource> used = new LinkedHashMap<>();
    /** Passed by a parent that knows more kinds than this library. */
    private final List<Fd> strangers = new ArrayList<>();

    private final Set<FdName> unclaimed = new LinkedHashSet<>();
    /** Files that are being opened. */
    private final Set<FdName> opening = new HashSet<>();
    /** No connection that comes now would reach the next generation; {@code null} while one would. */
    private @Nullable String passedWithout;

    /** Other names for what was inherited. */
    private final Map<FdName, FdName> aliases = new HashMap<>();
    /** The inodes of the Unix sockets whose paths somebody else removes. */
    private final Set<Long> foreignPaths = new HashSet<>();

    private final Supplier<Os> os;
    private final UnixPaths unixPaths;

    Fds(Supplier<Os> os, ProcFs proc) {
        this.os = os;
        this.unixPaths = new UnixPaths(proc);
    }

    /** @param passed descriptors by number, those with a name that this library does not know under {@code null} */
    synchronized void inheritAll(Map<Integer, @Nullable FdName> passed) {
        passed.forEach((number, name) -> {
            if (name == null) {
                FdName unknown = FdName.file("of unknown kind");
                strangers.add(new Fd(unknown, number, os));
            } else {
                inherited.put(name, new Fd(name, number, os));
            }
        });
    }

    /** What this process got from systemd, and not from a parent: claimed under its own names or its aliases. */
    synchronized void activate(SocketActivation activation) {
        inheritAll(new LinkedHashMap<>(activation.passed()));
        aliases.putAll(activation.aliases());
        foreignPaths.addAll(activation.unixSockets());
    }

    /** Leaves the paths of these Unix sockets alone. */
    synchronized void keepPaths(Set<Long> inodes) {
        foreignPaths.addAll(inodes);
    }

    /** The inodes of the Unix sockets whose paths are not ours to remove. */
    synchronized Set<Long> keptPaths() {
        return new HashSet<>(foreignPaths);
    }

    /**
     * Claims an inherited descriptor. The caller owns it from now on.
     *
     * @return empty if none of that name was inherited, or it was claimed before
     */
    public synchronized Optional<Fd> inherit(FdName name) {
        Fd fd = inherited.remove(name);
        if (fd == null) {
            Fd original = inherited.remove(aliases.get(name));
            fd = original == null ? null : new Fd(name, original.release(), os); // known by this name from now on
        }
        if (fd != null) {
            used.put(name, fd);
        }
        return Optional.ofNullable(fd);
    }

    /** The names of what was inherited and not claimed yet, in the order in which the parent passed them. */
    public synchronized Set<FdName> inherited() {
        return new LinkedHashSet<>(inherited.keySet());
    }

    /** The names of what was inherited and closed when this process had become the service, since nobody had claimed it by then. */
    public synchronized Set<FdName> unclaimed() {
        return new LinkedHashSet<>(unclaimed);
    }

    /** The names of what was claimed or added: passed on at the next upgrade if open then. */
    public synchronized Set<FdName> used() {
        return new LinkedHashSet<>(used.keySet());
    }

    /**
     * Adds a descriptor, to be passed on from its owner at each upgrade. Replaces a used one of the same name: whoever
     * claims an inherited listener and makes a channel of it adds that channel under the same name.
     *
     * @throws IllegalStateException if a descriptor of that name was inherited and has not been claimed; or if it is a connection, and an
     *     upgrade is under way or this process is leaving: the next generation does not get it any more, and it would be closed at the commit. When the
     *     upgrade has failed it can be added
     */
    public synchronized void add(FdName name, FdSource source) {
        if (inherited.containsKey(name)) {
            throw new IllegalStateException(name + " was inherited and is not claimed: claim it with inherit(..)");
        }
        if (passedWithout != null && name.kind() == FdName.Kind.CONN) {
            throw new IllegalStateException(name + " cannot be handed over: " + passedWithout);
        }
        used.put(name, source);
    }

    /** Forgets a used descriptor: it is not passed on any more, and stays open. */
    public synchronized void remove(FdName name) {
        used.remove(name);
    }

    /** Claims the inherited file of that name. As {@link #inherit inherit(FdName.file(name))}. */
    public Optional<Fd> file(String name) {
        return inherit(FdName.file(name));
    }

    /** Claims every inherited file that was not claimed yet, by name. */
    public synchronized Map<String, Fd> files() {
        Map<String, Fd> files = new LinkedHashMap<>();
        for (FdName name : inherited()) {
            if (name.kind() == FdName.Kind.FD) {
                inherit(name).ifPresent(fd -> files.put(name.address(), fd));
            }
        }
        return files;
    }

    /**
     * Claims the inherited file of that name, or opens the path and adds it. Loads native code if it has to open.
     *
     * <p>To open a FIFO for reading only, or for writing only, waits until somebody has its other end. Upgrades are not held up by that.
     *
     * @param options READ, WRITE, APPEND, CREATE, CREATE_NEW, TRUNCATE_EXISTING, DSYNC and SYNC as for {@link
     *     java.nio.channels.FileChannel#open}; others are refused
     * @throws IllegalStateException if a file of that name is used already, or is being opened
     * @throws IllegalArgumentException if an option is none of the above
     * @throws IOException if it cannot be opened
     */
    public Fd file(String name, Path path, OpenOption... options) throws IOException {
        FdName key = FdName.file(name);
        synchronized (this) {
            if (used.containsKey(key) || opening.contains(key)) {
                throw new IllegalStateException(key + " is used already");
            }
            Optional<Fd> claimed = inherit(key);
            if (claimed.isPresent()) {
                return claimed.get();
            }
            opening.add(key);
        }
        try {
            Fd fd = new Fd(key, os.get().open(path.toString(), OpenFlags.of(options), 0666), os);
            use(key, fd);
            return fd;
        } finally {
            synchronized (this) {
                opening.remove(key);
            }
        }
    }

    private synchronized void use(FdName key, Fd opened) throws SystemCallException {
        if (used.containsKey(key)) {
            opened.close();
            throw new IllegalStateException(key + " was added while it was being opened");
        }
        used.put(key, opened);
    }

    /** What to ask for descriptors. */
    synchronized Map<FdName, FdSource> sources() {
        return new LinkedHashMap<>(used);
    }

    /** What to ask for descriptors at an upgrade, which has begun: connections that come now come too late. */
    synchronized Map<FdName, FdSource> pass() {
        passedWithout = "an upgrade is under way, and does without it";
        return sources();
    }

    /** The upgrade has failed. */
    synchronized void notPassed() {
        passedWithout = null;
    }

    /** This process leaves without a successor, or with one that has all it gets. */
    synchronized void passNoMore() {
        passedWithout = "this process is leaving";
    }

    /** Whether there is something that {@link #closeInherited} would close. */
    synchronized boolean isUnclaimed() {
        return !inherited.isEmpty() || !strangers.isEmpty();
    }

    /** Closes what was not claimed and removes the paths of its Unix sockets. */
    synchronized void closeInherited() {
        unclaimed.addAll(inherited.keySet());
        List<Fd> unused = new ArrayList<>(inherited.values());
        unused.addAll(strangers);
        inherited.clear();
        strangers.clear();
        for (Fd fd : unused) {
            try {
                LOG.log(INFO, "{0} was inherited and not claimed: closed", fd);
                List<UnixPaths.Bound> bound = new ArrayList<>();
                find(fd.number(), bound);
                fd.close();
                unlink(bound);
            } catch (IOException e) {
                LOG.log(WARNING, fd.toString(), e);
            }
        }
    }

    /** Keeps inherited descriptors from other processes that this program may start. */
    void setCloseOnExec() {
        sources()
                .forEach((name, source) -> lend(name, source, fd -> {
                    try {
                        os.get().setCloseOnExec(fd);
                    } catch (SystemCallException e) {
                        LOG.log(WARNING, name.toString(), e);
                    }
                }));
    }

    /** Finds the paths of the used Unix sockets, while they are open. An owner that fails, or takes longer, is passed over. */
    CompletableFuture<List<UnixPaths.Bound>> unixPaths(Duration timeout) {
        List<UnixPaths.Bound> bound = new CopyOnWriteArrayList<>();
        List<CompletableFuture<?>> lent = new ArrayList<>();
        sources().forEach((name, source) -> {
            if (name.isUnix()) {
                lent.add(within(timeout, lend(name, source, fd -> find(fd, bound))));
            }
        });
        return CompletableFuture.allOf(lent.toArray(CompletableFuture<?>[]::new))
                .thenApply(all -> List.copyOf(bound));
    }

    private static CompletableFuture<?> within(Duration timeout, CompletableFuture<@Nullable Void> lent) {
        try {
            return lent.completeOnTimeout(null, timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (OutOfMemoryError e) {
            LOG.log(WARNING, "no thread can be started for a timeout, going on without", e);
            return lent;
        }
    }

    /** Completes, even if the owner throws or its stage fails. */
    private static CompletableFuture<@Nullable Void> lend(FdName name, FdSource source, IntConsumer use) {
        CompletionStage<?> lent;
        try {
            lent = source.lend(use);
        } catch (RuntimeException | Error e) {
            lent = CompletableFuture.failedFuture(e);
        }
        CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
        lent.whenComplete((result, failure) -> {
            if (failure != null) {
                LOG.log(WARNING, name + ": its owner does not lend it", failure);
            }
            done.complete(null);
        });
        return done;
    }

    private void find(int fd, List<UnixPaths.Bound> bound) {
        try {
            unixPaths
                    .of(fd)
                    .filter(found -> !keptPaths().contains(found.inode()))
                    .ifPresent(bound::add);
        } catch (IOException e) {
            LOG.log(WARNING, "cannot find the path of a Unix socket", e);
        }
    }

    void unlink(List<UnixPaths.Bound> paths) {
        paths.forEach(unixPaths::unlink);
    }

    /** On the wire a file has its name in the second place and nothing in the third, as in Go's tableflip. */
    static List<String> toWire(FdName name) {
        return name.kind() == FdName.Kind.FD
                ? List.of(name.kind().word(), name.address(), "")
                : List.of(name.kind().word(), name.network(), name.address());
    }

    /** The name that stands on the wire; {@code null} if it is none that this library knows. */
    static @Nullable FdName fromWire(List<String> parts) {
        if (parts.size() != 3) {
            return null;
        }
        for (FdName.Kind kind : KINDS) {
            if (kind.word().equals(parts.get(0))) {
                return fromWire(kind, parts.get(1), parts.get(2));
            }
        }
        return null;
    }

    private static @Nullable FdName fromWire(FdName.Kind kind, String second, String third) {
        try {
            return kind == FdName.Kind.FD ? FdName.file(second) : new FdName(kind, second, third);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** The flags of open(2) for Java's options. The numbers are those of x86-64 and aarch64. */
    private static final class OpenFlags {
        private static final int WRITE_ONLY = 01;
        private static final int READ_WRITE = 02;

        private OpenFlags() {}

        static int of(OpenOption... options) {
            Set<OpenOption> set = Set.of(options);
            int flags = set.stream().mapToInt(OpenFlags::flag).reduce(0, (a, b) -> a | b);
            boolean write = set.contains(StandardOpenOption.WRITE) || set.contains(StandardOpenOption.APPEND);
            boolean read = set.contains(StandardOpenOption.READ);
            return write ? flags | (read ? READ_WRITE : WRITE_ONLY) : flags;
        }

        private static int flag(OpenOption option) {
            if (!(option instanceof StandardOpenOption standard)) {
                throw new IllegalArgumentException("not an option for a passed file: " + option);
            }
            return switch (standard) {
                case READ, WRITE -> 0;
                case CREATE -> 0100;
                case CREATE_NEW -> 0300;
                case TRUNCATE_EXISTING -> 01000;
                case APPEND -> 02000;
                case DSYNC -> 010000;
                case SYNC -> 04010000;
                default -> throw new IllegalArgumentException("not an option for a passed file: " + option);
            };
        }
    }
}
