package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.FdName;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.UnixPaths;
import io.tableflip.core.os.UnixPaths.FileId;
import io.tableflip.core.os.UnixPaths.SocketPath;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The paths of the Unix sockets of this process: whether each still leads to its socket, and which to remove
 * when the socket is closed. Thread-safe.
 */
final class SocketPaths {
    private static final System.Logger LOG = Log.get();
    /** What a parent knows of the files: the inode of the socket, and device and inode of its file. */
    private static final Pattern FILE = Pattern.compile("(\\d{1,18}):(\\d{1,18}):(\\d{1,18})");

    private final UnixPaths paths;
    private final SocketFileGuard guard = new SocketFileGuard();
    /** The inodes of the sockets whose paths are somebody else's to remove. */
    private final Set<Long> foreign = new HashSet<>();
    /** The inodes of the sockets that came from the parent, which serves them until this process does. */
    private final Set<Long> parents = new HashSet<>();
    /** Where the sockets of these names are bound. */
    private final Map<FdName, SocketPath> bound = new LinkedHashMap<>();
    /** Closed by the program while another process serves them, or may from now on. */
    private final List<SocketPath> closed = new ArrayList<>();
    /** What each path led to when its socket was seen first, by the inode of the socket. */
    private final Map<Long, FileId> files = new HashMap<>();
    /** Problems that were logged. */
    private final Set<String> logged = new HashSet<>();

    SocketPaths(ProcFs proc) {
        paths = new UnixPaths(proc);
    }

    /** Whether it is the name of a Unix socket that is bound to a path or an abstract name. */
    static boolean isUnix(FdName name) {
        return switch (name.kind()) {
            case LISTENER -> name.network().equals("unix") || name.network().equals("unixpacket");
            case PACKET -> name.network().equals("unixgram");
            default -> false;
        };
    }

    // ---- which there are

    /** Leaves the paths of these sockets alone. */
    synchronized void keep(Set<Long> inodes) {
        foreign.addAll(inodes);
    }

    /** This one came from the parent. */
    synchronized void inherited(int fd) {
        try {
            paths.inode(fd).ifPresent(parents::add);
        } catch (IOException e) {
            LOG.log(WARNING, "cannot find the inode of a Unix socket", e);
        }
    }

    /** Whether it is known where the socket of that name is bound. */
    synchronized boolean knows(FdName name) {
        return bound.containsKey(name);
    }

    /** This process is the service. */
    synchronized void serving() {
        parents.clear();
    }

    /** The inodes of the sockets whose paths are not ours to remove. */
    synchronized Set<Long> kept() {
        return new HashSet<>(foreign);
    }

    /** Where a descriptor is bound, if it is an open Unix socket with a path. */
    Optional<SocketPath> of(int fd) {
        try {
            return paths.of(fd);
        } catch (IOException e) {
            LOG.log(WARNING, "cannot find the path of a Unix socket", e);
            return Optional.empty();
        }
    }

    /** Notes where the socket of that name is bound, and what its path leads to now. */
    void look(FdName name, int fd) {
        of(fd).ifPresent(found -> {
            synchronized (this) {
                bound.put(name, found);
            }
            remember(found);
        });
    }

    private void remember(SocketPath socket) {
        try {
            Optional<FileId> file = paths.file(socket.path());
            synchronized (this) {
                file.ifPresent(id -> files.putIfAbsent(socket.inode(), id));
            }
        } catch (IOException e) {
            LOG.log(DEBUG, "cannot tell what " + Printable.of(socket.path()) + " leads to", e);
        }
    }

    // ---- whether they can be reached

    /** For the child: what is known of the files. */
    synchronized String variable() {
        return files.entrySet().stream()
                .map(file -> file.getKey() + ":" + file.getValue().device() + ":"
                        + file.getValue().inode())
                .collect(Collectors.joining(","));
    }

    /** Takes in what the parent knows of the files. */
    synchronized void inherit(String variable) {
        for (String file : variable.split(",", -1)) {
            Matcher matcher = FILE.matcher(file);
            if (matcher.matches()) {
                files.put(
                        Long.parseLong(matcher.group(1)),
                        new FileId(Long.parseLong(matcher.group(2)), Long.parseLong(matcher.group(3))));
            }
        }
    }

    /** Why clients cannot reach the sockets that this process has looked at; empty if they can. */
    List<String> problems() {
        Map<FdName, SocketPath> all;
        synchronized (this) {
            all = new LinkedHashMap<>(bound);
        }
        List<String> problems = new ArrayList<>();
        all.forEach((name, socket) -> problem(name, socket).ifPresent(problems::add));
        return problems;
    }

    private Optional<String> problem(FdName name, SocketPath socket) {
        FileId expected;
        synchronized (this) {
            expected = files.get(socket.inode());
        }
        if (expected == null) {
            return Optional.empty();
        }
        try {
            Optional<FileId> actual = paths.file(socket.path());
            boolean leadsThere = actual.filter(expected::equals).isPresent();
            if (leadsThere || !paths.isOpen(socket)) { // whoever has closed it does not miss the file
                return Optional.empty();
            }
            String what = actual.isPresent() ? "was replaced" : "was removed";
            return Optional.of(name + ": its socket file " + what + ", and clients cannot connect to this service:"
                    + " restart it, which binds the socket again");
        } catch (IOException e) {
            LOG.log(DEBUG, "cannot tell what " + Printable.of(socket.path()) + " leads to", e);
            return Optional.empty();
        }
    }

    /** Logs each problem, once for as long as it lasts. */
    void warn() {
        List<String> problems = problems();
        synchronized (this) {
            logged.retainAll(problems);
            problems.removeIf(problem -> !logged.add(problem));
        }
        problems.forEach(problem -> LOG.log(WARNING, "{0}", problem));
    }

    /**
     * Puts the files of these sockets back until {@link #parentExited}. The parent has bound them without
     * this library, and may remove the files when it closes the sockets.
     */
    void guard(Set<FdName> names) {
        List<SocketPath> sockets = new ArrayList<>();
        synchronized (this) {
            for (FdName name : names) {
                SocketPath socket = bound.get(name);
                if (socket != null && parents.contains(socket.inode()) && !foreign.contains(socket.inode())) {
                    sockets.add(socket);
                }
            }
        }
        guard.begin(sockets);
    }

    /** The parent removes nothing any more. */
    void parentExited() {
        guard.end();
    }

    // ---- removing

    /**
     * The program closes a socket.
     *
     * @param isPassed whether a child has it, which may become the service
     */
    void closed(FdName name, boolean isPassed) {
        SocketPath socket;
        synchronized (this) {
            socket = bound.remove(name);
            if (socket == null || foreign.contains(socket.inode())) {
                return;
            }
            if (isPassed || parents.contains(socket.inode())) {
                closed.add(socket);
                return;
            }
        }
        paths.unlink(socket);
    }

    /** The socket of this name is not ours any more. */
    synchronized void forget(FdName name) {
        bound.remove(name);
    }

    /** No other process serves what was closed meanwhile. */
    void unlinkClosed() {
        List<SocketPath> all;
        synchronized (this) {
            all = List.copyOf(closed);
            closed.clear();
        }
        unlink(all);
    }

    /**
     * This process ends: no other has what it has bound.
     *
     * @param parentServes whether the parent goes on serving what it has passed
     */
    void unlinkAll(boolean parentServes) {
        guard.end();
        List<SocketPath> all = all();
        synchronized (this) {
            all.removeIf(socket -> parentServes && parents.contains(socket.inode()));
        }
        unlink(all);
    }

    /** Those that are used, and those that were closed while another process might serve them. */
    synchronized List<SocketPath> all() {
        List<SocketPath> all = new ArrayList<>(bound.values());
        all.addAll(closed);
        return all;
    }

    /** Removes those that are ours. */
    void unlink(Collection<SocketPath> all) {
        Set<Long> others = kept();
        all.stream()
                .distinct()
                .filter(socket -> !others.contains(socket.inode()))
                .forEach(paths::unlink);
    }
}
