package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The paths of Unix sockets. Asked of the kernel, since the name of a descriptor may be a logical one, and since somebody else may
 * have bound the same path meanwhile.
 */
final class UnixPaths {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final long LISTENING = 0x10000;
    private static final int DATAGRAM = 2;

    private final ProcFs proc;

    UnixPaths(ProcFs proc) {
        this.proc = proc;
    }

    /** A socket and the path that it was bound to. */
    record Bound(long inode, String path) {}

    /** What a descriptor is bound to; empty if it is no Unix socket, unbound, or in the abstract namespace. */
    Optional<Bound> of(int fd) throws IOException {
        Optional<Long> inode = proc.inode(fd, "socket");
        if (inode.isEmpty()) {
            return Optional.empty();
        }
        return entries().stream()
                .filter(entry -> entry.inode == inode.get() && !entry.path.startsWith("@"))
                .findFirst()
                .map(entry -> new Bound(entry.inode, entry.path));
    }

    /** Removes the path, unless it belongs to another socket by now or is no socket at all. */
    void unlink(Bound bound) {
        Path path = Path.of(bound.path);
        try {
            boolean taken = entries().stream()
                    .anyMatch(entry -> entry.receives && entry.inode != bound.inode && entry.path.equals(bound.path));
            if (taken) {
                LOG.log(WARNING, "{0}: another socket is bound to this path now, it stays", path);
            } else if (isSocket(path)) {
                Files.delete(path);
            }
        } catch (IOException e) {
            LOG.log(WARNING, path + ": cannot be removed", e);
        }
    }

    private static boolean isSocket(Path path) throws IOException {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS)
                && Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                        .isOther();
    }

    private record Entry(long inode, String path, boolean receives) {}

    private List<Entry> entries() throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (String line : proc.unixSockets()) {
            // Num RefCount Protocol Flags Type St Inode Path; accepted connections repeat the path of their listener
            String[] fields = line.strip().split(" +", 8);
            if (fields.length == 8 && fields[0].endsWith(":")) {
                boolean receives =
                        (Long.parseLong(fields[3], 16) & LISTENING) != 0 || Integer.parseInt(fields[4], 16) == DATAGRAM;
                String path = RawString.decode(fields[7].getBytes(StandardCharsets.ISO_8859_1));
                entries.add(new Entry(Long.parseLong(fields[6]), path, receives));
            }
        }
        return entries;
    }
}
