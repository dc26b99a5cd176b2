package io.tableflip.core.os;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/**
 * The file that holds the process id of the service. Written beside its place first and renamed into it at
 * the commit: whoever reads it sees one id or the other, and a full disk is found before anybody was asked to
 * leave. A symbolic link in its place is replaced and not followed. Not thread-safe.
 */
public final class PidFile {
    private static final System.Logger LOG = Log.get();

    /** Set by tableflip-launcher.sh. */
    private static final String LAUNCHERS = "TABLEFLIP_LAUNCHER_PID_FILE";

    private final Path path;
    private final long pid;
    private boolean committed;
    /** The file that this process has put in place, and when that was written. */
    private volatile @Nullable Object written;
    /** The path by which a launcher knows the file. */
    private @Nullable String launchers;

    /** @param path absolute */
    public PidFile(Path path, long pid) {
        this.path = path;
        this.pid = pid;
    }

    /**
     * Writes the file beside its place.
     *
     * @throws IOException names the PID file; caused by the {@link SystemCallException}
     */
    public void prepare() throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            // what the commit would say, when it is too late
            throw failure("is a directory", Errors.failure("rename", Errno.EISDIR, path.toString()));
        }
        Path prepared = prepared(pid);
        ByteBuffer content = ByteBuffer.wrap(Long.toString(pid).getBytes(StandardCharsets.US_ASCII));
        committed = false;
        String call = "unlink";
        try {
            Files.deleteIfExists(prepared); // of an earlier process with this id that was killed
            call = "open";
            try (SeekableByteChannel file = FreshFile.create(prepared, "rw-r--r--")) {
                call = "write";
                while (content.hasRemaining()) {
                    file.write(content);
                }
            }
        } catch (IOException e) {
            discard(pid);
            throw failure("cannot be written", Errors.failure(call, e, prepared));
        }
    }

    /** Whether nobody could have written it, whatever its directory is. */
    public boolean isOnReadOnlyFileSystem() {
        for (Path directory = path.getParent(); directory != null; directory = directory.getParent()) {
            try {
                return Files.getFileStore(directory).isReadOnly();
            } catch (NoSuchFileException e) {
                // the one above it counts
            } catch (IOException e) {
                LOG.log(DEBUG, "the file system of " + directory, e);
                return false;
            }
        }
        return false;
    }

    private IOException failure(String what, SystemCallException cause) {
        return new IOException("PID file " + path + " " + what + ": " + cause.getMessage(), cause);
    }

    /**
     * Puts the prepared file in place. Does nothing the second time.
     *
     * @throws IOException names the PID file; caused by the {@link SystemCallException}
     */
    public void commit() throws IOException {
        if (committed) {
            return;
        }
        try {
            Files.move(prepared(pid), path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            committed = true;
            written = identity();
        } catch (IOException e) {
            throw failure("cannot be put in place", Errors.failure("rename", e, path));
        }
    }

    /** After an upgrade that failed: names this process again, and removes what the child had prepared. */
    public void restore(long child) {
        discard(child);
        if (!isOurs()) {
            try {
                prepare();
                commit();
            } catch (IOException e) {
                LOG.log(WARNING, "the PID file may name a process that has ended", e);
            }
        }
    }

    /** Removes what a process had prepared and not put in place. */
    public void discard(long preparedBy) {
        delete(prepared(preparedBy));
    }

    /**
     * Leaves this file in place at the final stop if a launcher follows the service by it. The launcher
     * removes the file at its own end. Without the file it would not know of a successor that ends just after
     * its commit.
     *
     * @param environment the variables of this process
     */
    public void leaveToLauncher(Map<String, String> environment) {
        launchers = environment.get(LAUNCHERS);
    }

    private boolean isLaunchers() {
        try {
            return launchers != null && Files.isSameFile(path, Path.of(launchers));
        } catch (IOException | InvalidPathException e) {
            LOG.log(DEBUG, "the PID file of the launcher, " + launchers, e);
            return false;
        }
    }

    /** At the final stop: removes the file if it names this process. */
    public void remove() {
        discard(pid);
        if (isOurs() && !isLaunchers()) {
            delete(path);
        }
    }

    private boolean isOurs() {
        return named().filter(Long.toString(pid)::equals).isPresent();
    }

    /** Whether it is the file that this process has put in place. Opens no file. On any thread. */
    public boolean isUnchanged() {
        Object own = written;
        return own != null && own.equals(identity());
    }

    private @Nullable Object identity() {
        try {
            BasicFileAttributes file = Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return List.of(String.valueOf(file.fileKey()), file.lastModifiedTime(), file.size());
        } catch (IOException e) {
            return null;
        }
    }

    /** What stands in the file; empty if there is none, or it cannot be read. On any thread. */
    public Optional<String> named() {
        try {
            // a FIFO that somebody has put in its place would never end
            return Files.isRegularFile(path)
                    ? Optional.of(
                            Files.readString(path, StandardCharsets.ISO_8859_1).strip())
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    public Path path() {
        return path;
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.log(WARNING, file + " cannot be removed", e);
        }
    }

    private Path prepared(long by) {
        return FreshFile.beside(path, by);
    }
}
