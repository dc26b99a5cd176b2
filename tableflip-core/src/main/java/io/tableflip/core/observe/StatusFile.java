package io.tableflip.core.observe;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.tableflip.core.DrainReport;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.log.Log;
import io.tableflip.core.observe.ServiceStatus.Drain;
import io.tableflip.core.os.FreshFile;
import io.tableflip.ctl.Ctl;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A file beside the PID file, {@code NAME.status}, in which the process that is the service says how it is
 * doing: for {@link Ctl}. Renamed into its place at each step. Readable for the service's user alone, since
 * the reason of a failure may hold anything. Written by one process at a time: from the moment at which it
 * serves until a child is the service; the child writes it again when its parent has exited, and so has the
 * last word. A parent that drains on then writes a file of its own, {@code NAME.status.old}. Thread-safe.
 */
public final class StatusFile implements Observer {
    private static final System.Logger LOG = Log.get();

    /** Sixteen upgrades with the longest of messages. */
    private static final int LONGEST = 1 << 20;

    private final Path place;
    private final Path oldPlace;
    private final long pid;
    private final Supplier<ServiceStatus> status;

    private boolean owned;
    private boolean replaced;
    private boolean removed;
    private boolean suspended;
    private @Nullable IntSupplier draining;
    private Instant drainEnds = Instant.EPOCH;
    private boolean failing;

    /** @param pidFile absolute */
    public StatusFile(Path pidFile, long pid, Supplier<ServiceStatus> status) {
        place = of(pidFile);
        oldPlace = ofOld(pidFile);
        this.pid = pid;
        this.status = status;
    }

    /** Where it is for a PID file. */
    public static Path of(Path pidFile) {
        return pidFile.resolveSibling(pidFile.getFileName() + ".status");
    }

    /** Where the one of a parent is that has been replaced and drains. */
    public static Path ofOld(Path pidFile) {
        return pidFile.resolveSibling(pidFile.getFileName() + ".status.old");
    }

    /**
     * Reads such a file.
     *
     * @return {@code null} if there is none
     * @throws IOException if it cannot be read or makes no sense; names it
     */
    public static @Nullable ServiceStatus read(Path file) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return null;
        }
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            byte[] text = in.readNBytes(LONGEST);
            if (text.length == LONGEST) {
                throw new IOException(file + " is too long for a status file");
            }
            return ServiceStatus.parse(new String(text, UTF_8));
        } catch (NoSuchFileException e) {
            return null;
        } catch (IllegalArgumentException e) {
            throw new IOException(file + " makes no sense: " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void serving() {
        owned = true;
        write();
    }

    @Override
    public void parentExited() {
        write();
        long parent = status.get().parent(); // it may have been killed as it wrote
        discard(parent);
        delete(FreshFile.beside(oldPlace, parent));
        delete(oldPlace);
    }

    @Override
    public void upgradeBegan() {
        write();
    }

    @Override
    public void upgradeDeferred(UpgradeException reason) {
        write();
    }

    @Override
    public void upgradeRefused(UpgradeException reason) {
        write();
    }

    @Override
    public void upgradeWarning(String warning) {
        write();
    }

    @Override
    public void spawned(long child) {
        write();
    }

    @Override
    public synchronized void upgradeFailed(UpgradeException reason) {
        draining = null;
        write();
    }

    @Override
    public void takenOver(long child) {
        write();
    }

    @Override
    public synchronized void upgraded(long child) {
        owned = false;
        replaced = true;
    }

    @Override
    public synchronized void draining(IntSupplier left, Instant ends) {
        draining = left;
        drainEnds = ends;
        write();
    }

    @Override
    public synchronized void drained(DrainReport report) {
        draining = null;
        if (replaced) {
            replaced = false;
            delete(oldPlace);
        }
    }

    @Override
    public void stopping() {
        write();
    }

    /** Another service owns the file: it is neither written nor removed. */
    public synchronized void suspend() {
        suspended = true;
    }

    /** The file is this service's again. */
    public synchronized void resume() {
        suspended = false;
        write();
    }

    private synchronized void write() {
        if (!removed && !suspended && (owned || (replaced && draining != null))) {
            write(owned ? place : oldPlace);
        }
    }

    private void write(Path to) {
        IntSupplier left = draining;
        ServiceStatus now = status.get().with(left == null ? null : new Drain(left.getAsInt(), drainEnds));
        Path beside = FreshFile.beside(to, pid);
        try {
            Files.deleteIfExists(beside);
            try (SeekableByteChannel file = FreshFile.create(beside, "rw-------")) {
                ByteBuffer content = ByteBuffer.wrap(now.format().getBytes(UTF_8));
                while (content.hasRemaining()) {
                    file.write(content);
                }
            }
            Files.move(beside, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            failing = false;
        } catch (IOException e) {
            if (!failing) { // once, and not for every step
                LOG.log(WARNING, "status file " + to + " cannot be written, ctl will not know of upgrades", e);
            }
            failing = true;
            delete(beside);
        }
    }

    /** At the final stop: removes the file if this process has written it, and writes no more. */
    public synchronized void remove() {
        removed = true;
        discard(pid);
        if (replaced) {
            delete(oldPlace);
        }
        try {
            ServiceStatus last = read(place);
            if (last != null && last.pid() == pid) {
                Files.deleteIfExists(place);
            }
        } catch (IOException e) {
            LOG.log(DEBUG, "status file " + place + " stays", e);
        }
    }

    /** Removes what a process had begun to write. */
    public void discard(long writer) {
        delete(FreshFile.beside(place, writer));
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.log(DEBUG, file + " stays", e);
        }
    }
}
