package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Fds;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.launch.SocketActivation;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.OpenFlags;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.UnixPaths.SocketPath;
import java.io.IOException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The table of descriptors: every name that this process has, with its one owner. Thread-safe.
 */
public final class Descriptors implements Fds {
    private static final System.Logger LOG = Log.get();

    /** How long the owners of Unix sockets may take to lend them, so that their paths can be found. */
    static final Duration LENDING_LIMIT = Duration.ofSeconds(5);

    /** How many names of inherited descriptors one line of the log has. */
    private static final int NAMES_LOGGED = 20;

    private final Map<FdName, Entry> entries = new LinkedHashMap<>();
    /** Passed by a parent that knows more kinds of descriptors than this library. */
    private final List<Fd> strangers = new ArrayList<>();

    /** What the parent has passed, by its numbers. */
    private final Map<Integer, FdName> passed = new LinkedHashMap<>();

    private final Set<FdName> unclaimed = new LinkedHashSet<>();
    /** The paths of Unix sockets that were not claimed and are closed. */
    private final List<SocketPath> unclaimedPaths = new ArrayList<>();
    /** Other names for what was inherited. */
    private final Map<FdName, FdName> aliases = new HashMap<>();

    /** Why what is added now would not reach the next generation; {@code null} if it would. */
    private @Nullable String passedWithout;
    /** What nobody has claimed was closed. */
    private boolean swept;

    private final Supplier<Os> os;
    private final SocketPaths paths;

    public Descriptors(Supplier<Os> os, ProcFs proc) {
        this.os = os;
        this.paths = new SocketPaths(proc);
    }

    /** Who has a name. */
    private sealed interface Entry {
        /** Nobody in this process, so far. */
        record Inherited(Fd fd) implements Entry {}

        /** Somebody who is about to make a socket, or to adopt the inherited one. */
        record Reserved(Reserving by) implements Entry {}

        /** A socket or file that is passed on. */
        record Used(FdSource source, @Nullable Reserving by) implements Entry {}
    }

    // ---- what was passed to this process

    /**
     * Takes in what the parent has passed.
     *
     * @param descriptors by number; those with a name that this library does not know have {@code null}
     */
    public synchronized void inheritAll(Map<Integer, @Nullable FdName> descriptors) {
        descriptors.forEach((number, name) -> {
            if (name == null) {
                strangers.add(new OpenFd(FdName.file("of unknown kind"), number, os));
            } else {
                entries.put(name, new Entry.Inherited(new OpenFd(name, number, os)));
                passed.put(number, name);
                if (SocketPaths.isUnix(name)) {
                    paths.inherited(number);
                }
            }
        });
        if (!passed.isEmpty()) {
            LOG.log(INFO, "inherited: {0}{1}", first(passed.values()), more(passed.size()));
        }
    }

    private static String first(Collection<FdName> names) {
        return names.stream().limit(NAMES_LOGGED).map(FdName::toString).collect(Collectors.joining(", "));
    }

    private static String more(int count) {
        return count > NAMES_LOGGED ? " and " + (count - NAMES_LOGGED) + " more" : "";
    }

    /**
     * What this process got from systemd, and not from a parent. It is claimed under its own names or its
     * aliases.
     */
    public synchronized void activate(SocketActivation activation) {
        inheritAll(new LinkedHashMap<>(activation.passed()));
        paths.serving(); // there is no parent
        aliases.putAll(activation.aliases());
        paths.keep(activation.unixSockets());
    }

    // ---- what the user calls

    @Override
    public synchronized Optional<Fd> inherit(FdName name) {
        if (entries.get(name) instanceof Entry.Inherited) {
            requireInTime(name);
        }
        Optional<Fd> fd = takeInherited(name);
        fd.ifPresent(claimed -> entries.put(name, new Entry.Used(claimed, null)));
        return fd;
    }

    /** What the child does not get would be lost when this process leaves. */
    private void requireInTime(FdName name) {
        if (passedWithout != null) {
            throw new IllegalStateException(name + " cannot be added: " + passedWithout);
        }
    }

    /** Takes what was inherited under this name, or under the name for which this is an alias. */
    private Optional<Fd> takeInherited(FdName name) {
        if (entries.get(name) instanceof Entry.Inherited inherited) {
            entries.remove(name);
            return Optional.of(inherited.fd);
        }
        FdName original = aliases.get(name);
        if (original != null
                && !entries.containsKey(name)
                && entries.get(original) instanceof Entry.Inherited inherited) {
            entries.remove(original);
            return Optional.of(renamed(inherited.fd, name));
        }
        return Optional.empty();
    }

    @Override
    public synchronized Reservation reserve(FdName name) {
        requireInTime(name);
        Entry entry = entries.get(name);
        boolean free = entry == null
                || entry instanceof Entry.Inherited
                || (entry instanceof Entry.Used used && !used.source.isOpen());
        if (!free) {
            throw new IllegalStateException(name + " is in use by this process: give one of the two a name of its own");
        }
        Reserving reserving = new Reserving(name, takeInherited(name).orElse(null));
        entries.put(name, new Entry.Reserved(reserving));
        return reserving;
    }

    @Override
    public synchronized Set<FdName> inherited() {
        return names(Entry.Inherited.class);
    }

    @Override
    public synchronized Set<FdName> inherited(Predicate<Fd> test) {
        Set<FdName> names = new LinkedHashSet<>();
        entries.forEach((name, entry) -> {
            if (entry instanceof Entry.Inherited inherited && test.test(inherited.fd)) {
                names.add(name);
            }
        });
        return names;
    }

    @Override
    public synchronized Set<FdName> unclaimed() {
        return new LinkedHashSet<>(unclaimed);
    }

    @Override
    public synchronized Set<FdName> used() {
        return names(Entry.Used.class);
    }

    private Set<FdName> names(Class<? extends Entry> type) {
        Set<FdName> names = new LinkedHashSet<>();
        entries.forEach((name, entry) -> {
            if (type.isInstance(entry)) {
                names.add(name);
            }
        });
        return names;
    }

    @Override
    public void add(FdName name, FdSource source) {
        synchronized (this) {
            Entry entry = entries.get(name);
            if (entry instanceof Entry.Inherited) {
                throw new IllegalStateException(name + " was inherited and is not claimed: claim it with inherit(..)");
            }
            if (entry instanceof Entry.Reserved) {
                throw new IllegalStateException(name + " is reserved by this process");
            }
            use(name, source, null);
        }
        added(name, source);
    }

    private void use(FdName name, FdSource source, @Nullable Reserving by) {
        requireInTime(name);
        entries.put(name, new Entry.Used(source, by));
    }

    /** Not while this is locked: the owner may do anything. */
    private void added(FdName name, FdSource source) {
        if (SocketPaths.isUnix(name)) {
            lookAtPath(name, source);
        }
    }

    @Override
    public synchronized void remove(FdName name) {
        if (entries.get(name) instanceof Entry.Used) {
            entries.remove(name);
            paths.forget(name);
        }
    }

    @Override
    public synchronized Map<String, Fd> files() {
        Map<String, Fd> files = new LinkedHashMap<>();
        for (FdName name : inherited()) {
            if (name.kind() == FdName.Kind.FD) {
                inherit(name).ifPresent(fd -> files.put(name.address(), fd));
            }
        }
        return files;
    }

    @Override
    public Fd file(String name, Path path, OpenOption... options) throws IOException {
        FdName key = FdName.file(name);
        Reservation reservation;
        synchronized (this) {
            Optional<Fd> claimed = inherit(key);
            if (claimed.isPresent()) {
                return claimed.get();
            }
            reservation = reserve(key);
        }
        try {
            Fd fd = new OpenFd(key, os.get().open(path.toString(), OpenFlags.of(options), 0666), os);
            try {
                reservation.use(fd);
            } catch (IllegalStateException e) { // an upgrade has begun
                fd.close();
                throw e;
            }
            return fd;
        } catch (IOException | RuntimeException | Error e) {
            reservation.close();
            throw e;
        }
    }

    /** A reserved name, until its socket is closed. */
    private final class Reserving implements Reservation {
        private final FdName name;
        // guarded by the table
        private @Nullable Fd inherited;
        /** The name that becomes that of the inherited descriptor again, if nobody adopts it. */
        private FdName former;

        private boolean hasTaken;

        Reserving(FdName name, @Nullable Fd inherited) {
            this.name = name;
            this.inherited = inherited;
            former = name;
        }

        @Override
        public FdName name() {
            return name;
        }

        @Override
        public Optional<Fd> inherited() {
            synchronized (Descriptors.this) {
                return Optional.ofNullable(inherited);
            }
        }

        @Override
        public Optional<Fd> inherit(FdName other) {
            synchronized (Descriptors.this) {
                requireOurs();
                if (hasTaken) {
                    throw new IllegalStateException(name + " has taken a descriptor already");
                }
                if (!(entries.get(other) instanceof Entry.Inherited taken)) {
                    return Optional.empty();
                }
                hasTaken = true;
                if (inherited == null) {
                    entries.remove(other);
                    former = other;
                } else {
                    entries.put(other, new Entry.Inherited(renamed(inherited, other)));
                }
                inherited = renamed(taken.fd, name);
                return Optional.of(inherited);
            }
        }

        private void requireOurs() {
            if (!isOurs()) {
                throw new IllegalStateException(name + " is not reserved any more");
            }
        }

        @Override
        public void use(FdSource source) {
            synchronized (Descriptors.this) {
                requireOurs();
                Descriptors.this.use(name, source, this);
            }
            added(name, source);
        }

        private boolean isOurs() {
            Entry entry = entries.get(name);
            return (entry instanceof Entry.Reserved reserved && reserved.by == this)
                    || (entry instanceof Entry.Used used && used.by == this);
        }

        @Override
        public void close() {
            synchronized (Descriptors.this) {
                if (isOurs()) {
                    entries.remove(name);
                    paths.closed(name, passedWithout != null);
                    if (inherited != null && inherited.isOpen()) {
                        giveBack(former, inherited);
                    }
                }
            }
        }
    }

    /** It is known by this name from now on. */
    private Fd renamed(Fd fd, FdName name) {
        int number = fd.release();
        passed.replace(number, name);
        return new OpenFd(name, number, os);
    }

    /** Nobody has adopted it after all. */
    private void giveBack(FdName name, Fd fd) {
        if (entries.containsKey(name)) { // somebody else has it by now
            strangers.add(fd);
        } else {
            entries.put(name, new Entry.Inherited(fd.name().equals(name) ? fd : renamed(fd, name)));
        }
        if (swept) {
            closeInherited();
        }
    }

    // ---- what an upgrade does

    /** What to ask for descriptors. */
    synchronized Map<FdName, FdSource> sources() {
        Map<FdName, FdSource> sources = new LinkedHashMap<>();
        entries.forEach((name, entry) -> {
            if (entry instanceof Entry.Used used) {
                sources.put(name, used.source);
            }
        });
        return sources;
    }

    /**
     * An upgrade begins: what to ask for descriptors. What is added from now on comes too late, and is
     * refused.
     */
    public synchronized Map<FdName, FdSource> pass() {
        passedWithout = "an upgrade is in progress, and does not include it";
        return sources();
    }

    /** The upgrade has failed. */
    public synchronized void notPassed() {
        passedWithout = null;
        paths.unlinkClosed();
    }

    /** This process leaves, and passes nothing on any more. */
    synchronized void passNoMore() {
        passedWithout = "this process is leaving";
    }

    /** Whether there is something that {@link #closeInherited} would close or remove. */
    synchronized boolean isUnclaimed() {
        return !inherited().isEmpty() || !strangers.isEmpty() || !unclaimedPaths.isEmpty();
    }

    /** The numbers of the passed descriptors that have one of these names here. */
    synchronized Set<Integer> numbers(Set<FdName> names) {
        Set<Integer> numbers = new LinkedHashSet<>();
        passed.forEach((number, name) -> {
            if (names.contains(name)) {
                numbers.add(number);
            }
        });
        return numbers;
    }

    /** The numbers of the passed descriptors that nobody here uses. */
    synchronized Set<Integer> unused() {
        Set<Integer> unused = new LinkedHashSet<>();
        passed.forEach((number, name) -> {
            Entry entry = entries.get(name);
            boolean isOpen = entry instanceof Entry.Used used && used.source.isOpen();
            if (!isOpen && !(entry instanceof Entry.Reserved)) {
                unused.add(number);
            }
        });
        return unused;
    }

    /**
     * Closes what nobody has claimed, and removes the paths of its Unix sockets: nobody serves them any more.
     */
    public void closeInherited() {
        closeUnclaimed();
        List<SocketPath> left;
        synchronized (this) {
            left = List.copyOf(unclaimedPaths);
            unclaimedPaths.clear();
        }
        paths.unlink(left);
        paths.unlinkClosed();
    }

    /** Closes what nobody has claimed. The parent may serve it, so the paths of its Unix sockets stay. */
    synchronized void closeUnclaimed() {
        swept = true;
        List<Fd> unused = new ArrayList<>(strangers);
        strangers.clear();
        for (FdName name : inherited()) {
            unclaimed.add(name);
            takeInherited(name).ifPresent(unused::add);
        }
        for (Fd fd : unused) {
            try {
                LOG.log(INFO, "{0} was inherited and not claimed: closed", fd);
                paths.of(fd.number()).ifPresent(unclaimedPaths::add);
                fd.close();
            } catch (IOException e) {
                LOG.log(WARNING, fd.toString(), e);
            }
        }
    }

    /** Hides inherited descriptors from other processes that this program may start. */
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

    // ---- the paths of Unix sockets

    SocketPaths socketPaths() {
        return paths;
    }

    /**
     * Looks where those of the used Unix sockets are bound of which that is not known. An owner that fails,
     * or takes longer, is passed over.
     */
    CompletableFuture<SocketPaths> lookAtPaths(Loop loop, Duration timeout) {
        List<CompletableFuture<?>> lent = new ArrayList<>();
        sources().forEach((name, source) -> {
            if (SocketPaths.isUnix(name) && !paths.knows(name)) {
                lent.add(lookAtPath(name, source));
            }
        });
        CompletableFuture<Void> all = CompletableFuture.allOf(lent.toArray(CompletableFuture<?>[]::new));
        if (!lent.isEmpty()) {
            loop.execute(() -> loop.schedule(timeout, () -> all.complete(null)));
        }
        return all.thenApply(done -> paths);
    }

    /** Before the parent closes what it has passed. */
    void guardSocketFiles() {
        Set<FdName> plain = new LinkedHashSet<>();
        synchronized (this) {
            entries.forEach((name, entry) -> {
                if (SocketPaths.isUnix(name) && entry instanceof Entry.Used used && used.by == null) {
                    plain.add(name);
                }
            });
        }
        if (!plain.isEmpty()) {
            paths.guard(plain);
        }
    }

    private CompletableFuture<?> lookAtPath(FdName name, FdSource source) {
        return lend(name, source, fd -> paths.look(name, fd));
    }

    /** Completes even if the owner throws or its stage fails. */
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
}
