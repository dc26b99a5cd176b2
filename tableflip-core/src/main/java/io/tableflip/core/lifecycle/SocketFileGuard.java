package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import io.tableflip.core.os.UnixPaths.SocketPath;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Keeps the files of Unix sockets that the parent has bound by Netty itself. Netty removes the path when it
 * closes the channel, though this process serves the socket. A second link to each file, made before the
 * commit, is put in its place then. Thread-safe.
 */
final class SocketFileGuard {
    private static final System.Logger LOG = Log.get();
    private static final String SUFFIX = ".tableflip";

    /** The second links, by the paths that they are for. */
    private final Map<Path, Path> links = new LinkedHashMap<>(); // guarded by this

    private volatile boolean ended;
    private volatile AutoCloseable watcher = () -> {};

    /** Makes the links, and begins to watch. */
    synchronized void begin(List<SocketPath> sockets) {
        for (SocketPath socket : sockets) {
            try {
                Path path = Path.of(socket.path()).toAbsolutePath();
                Path link = path.resolveSibling(path.getFileName() + SUFFIX);
                Files.deleteIfExists(link); // of a process that was killed
                Files.createLink(link, path);
                links.put(path, link);
            } catch (IOException | InvalidPathException e) {
                LOG.log(
                        WARNING,
                        Printable.of(socket.path()) + ": if the parent removes it, clients cannot connect:"
                                + " bind it by UpgradableServers",
                        e);
            }
        }
        if (!links.isEmpty()) {
            Thread thread = new Thread(this::watch, "tableflip-socket-files");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void watch() {
        List<Path> paths;
        synchronized (this) {
            paths = new ArrayList<>(links.keySet());
        }
        try (WatchService service = paths.get(0).getFileSystem().newWatchService()) {
            watcher = service;
            for (Path path : paths) {
                path.resolveSibling(".").normalize().register(service, StandardWatchEventKinds.ENTRY_DELETE);
            }
            while (!ended) {
                restore(); // before the first event, too: it may have been removed by then
                WatchKey key = service.take();
                key.pollEvents();
                key.reset();
            }
        } catch (ClosedWatchServiceException e) {
            LOG.log(DEBUG, "the parent has exited");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            LOG.log(WARNING, "the files of Unix sockets cannot be watched until the parent has exited", e);
        }
    }

    /** Not where there is another file by now. */
    private synchronized void restore() {
        links.forEach((path, link) -> {
            try {
                if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                    Files.move(link, path, StandardCopyOption.ATOMIC_MOVE);
                    Files.createLink(link, path);
                }
            } catch (IOException e) {
                LOG.log(WARNING, Printable.of(path.toString()) + ": cannot be put back", e);
            }
        });
    }

    /** The parent has exited. */
    void end() {
        if (ended) {
            return;
        }
        ended = true;
        try {
            watcher.close();
        } catch (Exception e) {
            LOG.log(DEBUG, "watch service", e);
        }
        restore();
        synchronized (this) {
            links.values().forEach(link -> {
                try {
                    Files.deleteIfExists(link);
                } catch (IOException e) {
                    LOG.log(WARNING, Printable.of(link.toString()) + ": cannot be removed", e);
                }
            });
            links.clear();
        }
    }
}
