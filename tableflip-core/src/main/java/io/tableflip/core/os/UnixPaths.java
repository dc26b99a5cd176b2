package io.tableflip.core.os;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.FdName;
import io.tableflip.core.log.Log;
import io.tableflip.core.text.Printable;
import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The paths of Unix sockets. Asked of the kernel, since the name of a descriptor may be a logical one, and
 * since somebody else may have bound the same path meanwhile.
 */
public final class UnixPaths {
    private static final System.Logger LOG = Log.get();
    private static final long LISTENING = 0x10000;
    private static final int DATAGRAM = 2;
    private static final int SEQUENCED = 5;

    private final ProcFs proc;

    public UnixPaths(ProcFs proc) {
        this.proc = proc;
    }

    /** A socket and the path that it was bound to. */
    public record SocketPath(long inode, String path) {}

    /** A file, whatever its path is. A socket keeps its file from being used for another one. */
    public record FileId(long device, long inode) {}

    /** The file that a path leads to; empty if there is none. */
    public Optional<FileId> file(String path) throws IOException {
        try {
            Path file = Path.of(path);
            long device = (Long) Files.getAttribute(file, "unix:dev");
            return Optional.of(new FileId(device, (Long) Files.getAttribute(file, "unix:ino")));
        } catch (NoSuchFileException | InvalidPathException e) {
            return Optional.empty();
        }
    }

    /**
     * What a descriptor is bound to; empty if it is no Unix socket, unbound, or in the abstract namespace.
     */
    public Optional<SocketPath> of(int fd) throws IOException {
        Optional<Long> inode = inode(fd);
        if (inode.isEmpty()) {
            return Optional.empty();
        }
        List<String> paths = entries().stream()
                .filter(entry -> entry.inode == inode.get())
                .map(Entry::path)
                .distinct()
                .toList();
        // two would mean that somebody forges lines with a newline in a path
        return paths.size() == 1 && !paths.get(0).startsWith("@")
                ? Optional.of(new SocketPath(inode.get(), paths.get(0)))
                : Optional.empty();
    }

    /** The inode of a descriptor; empty if it is no socket. */
    public Optional<Long> inode(int fd) throws IOException {
        return proc.inode(fd, "socket");
    }

    /** Whether some process has the socket. */
    public boolean isOpen(SocketPath bound) throws IOException {
        return entries().stream().anyMatch(entry -> entry.inode == bound.inode);
    }

    /** Removes the path, unless it belongs to another socket by now or is no socket at all. */
    public void unlink(SocketPath bound) {
        try {
            Path path = Path.of(bound.path);
            boolean taken = entries().stream()
                    .anyMatch(entry -> entry.receives() && entry.inode != bound.inode && entry.path.equals(bound.path));
            if (taken) {
                LOG.log(WARNING, "{0}: another socket is bound to this path now, it stays", Printable.of(bound.path));
            } else if (isSocket(path)) {
                Files.delete(path);
            }
        } catch (IOException | InvalidPathException e) {
            LOG.log(WARNING, Printable.of(bound.path) + ": cannot be removed", e);
        }
    }

    private static boolean isSocket(Path path) throws IOException {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS)
                && Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                        .isOther();
    }

    /** The names of those of the sockets that are bound, with an @ before an abstract one. */
    public Map<Long, FdName> names(Set<Long> inodes) throws IOException {
        return entries().stream()
                .filter(entry -> inodes.contains(entry.inode))
                .collect(Collectors.toMap(Entry::inode, Entry::name, (first, forged) -> first));
    }

    private record Entry(long inode, String path, int type, boolean listens) {
        /**
         * Num RefCount Protocol Flags Type St Inode Path; accepted connections repeat the path of their
         * listener.
         */
        private static final Pattern LINE = Pattern.compile(
                "[0-9a-f]+: [0-9A-F]+ [0-9A-F]+ ([0-9A-F]{8}) ([0-9A-F]{4}) [0-9A-F]{2} +([0-9]{1,18}) (.+)");

        /**
         * Empty for an unbound socket, for the heading, and for what a newline in somebody's path made a line
         * of.
         */
        static Optional<Entry> parse(String line) {
            Matcher matcher = LINE.matcher(line);
            if (!matcher.matches()) {
                return Optional.empty();
            }
            boolean listens = (Long.parseLong(matcher.group(1), 16) & LISTENING) != 0;
            int type = Integer.parseInt(matcher.group(2), 16);
            String path = RawString.decode(matcher.group(4).getBytes(StandardCharsets.ISO_8859_1));
            return Optional.of(new Entry(Long.parseLong(matcher.group(3)), path, type, listens));
        }

        boolean receives() {
            return listens || type == DATAGRAM;
        }

        FdName name() {
            if (type == DATAGRAM) {
                return FdName.packet("unixgram", path);
            }
            String network = type == SEQUENCED ? "unixpacket" : "unix";
            return listens ? FdName.listener(network, path) : FdName.conn(network, path);
        }
    }

    private List<Entry> entries() throws IOException {
        return proc.unixSockets().stream()
                .flatMap(line -> Entry.parse(line).stream())
                .toList();
    }

    /** A socket address for people: a path, or an abstract name with an @ in front of it. */
    public static String text(byte... address) {
        byte[] text = Arrays.copyOf(address, address.length);
        if (text.length > 0 && text[0] == 0) {
            text[0] = '@';
        }
        return RawString.decode(text);
    }
}
