package io.tableflip.core.os;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A file beside the PID file, {@code NAME.request}, by which {@code ctl} requests an upgrade where nothing
 * can send a signal: in a container image without a shell.
 */
public final class RequestFile {
    private static final System.Logger LOG = Log.get();

    private final Path file;

    /** @param pidFile absolute */
    public RequestFile(Path pidFile) {
        file = pidFile.resolveSibling(pidFile.getFileName() + ".request");
    }

    /**
     * Leaves a request.
     *
     * @throws IOException if the file cannot be created
     */
    public void leave() throws IOException {
        try {
            FreshFile.create(file, "rw-------").close();
        } catch (FileAlreadyExistsException e) {
            // not taken yet
        }
    }

    /** Whether there is one. */
    public boolean isThere() {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Takes a request away.
     *
     * @param user the user of this process; a file of another one does not count, except for root's
     * @return whether there was one
     */
    public boolean take(long user) {
        try {
            Object owner = Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
            Files.delete(file);
            boolean counts = owner.equals(0) || owner.equals((int) user);
            if (!counts) {
                LOG.log(WARNING, "{0} was left by user {1}, not by this one or root: ignored", file, owner);
            }
            return counts;
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException | UnsupportedOperationException e) {
            return false; // nor could a request be left there
        }
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
