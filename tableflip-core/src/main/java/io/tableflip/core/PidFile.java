package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * The file that holds the process id of the service. Written beside its place first and renamed into it at the commit: whoever
 * reads it sees one id or the other, and a full disk is found before anybody was asked to leave. Not thread-safe.
 */
final class PidFile {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Path path;
    private final long pid;
    private boolean committed;

    /** @param path absolute */
    PidFile(Path path, long pid) {
        this.path = path;
        this.pid = pid;
    }

    /** Writes the file beside its place. */
    void prepare() throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException("PID file " + path + " is a directory");
        }
        Path prepared = prepared(pid);
        committed = false;
        try {
            Files.deleteIfExists(prepared); // of an earlier process with this id that was killed
            // 0644 less the umask; createTempFile would make it readable for the owner alone
            try (SeekableByteChannel file = Files.newByteChannel(
                    prepared,
                    Set.of(CREATE_NEW, WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--")))) {
                file.write(ByteBuffer.wrap(Long.toString(pid).getBytes(StandardCharsets.US_ASCII)));
            }
        } catch (IOException e) {
            discard(pid);
            throw new IOException("PID file " + path + " cannot be written: " + e, e);
        }
    }

    /** Puts the prepared file in place. Does nothing the second time. */
    void commit() throws IOException {
        if (committed) {
            return;
        }
        try {
            Files.move(prepared(pid), path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            committed = true;
        } catch (IOException e) {
            throw new IOException("PID file " + path + " cannot be put in place: " + e, e);
        }
    }

    /** After an upgrade that failed: names this process again, and removes what the child had prepared. */
    void restore(long child) {
        discard(child);
        if (!isOurs()) {
            try {
                prepare();
                commit();
            } catch (IOException e) {
                LOG.log(WARNING, "the PID file may name the process " + child + " that has gone", e);
            }
        }
    }

    /** Removes what a process had prepared and not put in place. */
    void discard(long preparedBy) {
        delete(prepared(preparedBy));
    }

    /** At the final stop: removes the file if it names this process. */
    void remove() {
        discard(pid);
        if (isOurs()) {
            delete(path);
        }
    }

    private boolean isOurs() {
        try {
            return Files.readString(path).strip().equals(Long.toString(pid));
        } catch (IOException e) {
            return false;
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.log(WARNING, file + " cannot be removed", e);
        }
    }

    private Path prepared(long by) {
        return path.resolveSibling("." + path.getFileName() + "." + by);
    }
}
