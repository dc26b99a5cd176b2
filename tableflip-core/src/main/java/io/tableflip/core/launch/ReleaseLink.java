package io.tableflip.core.launch;

import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A symbolic link, {@code /srv/app/current}, and what it led to at the start, {@code /srv/app/releases/1}.
 */
record ReleaseLink(String link, String target) {

    /** Where it leads now; empty if it leads nowhere. */
    Optional<String> now() {
        return realPath(link).map(Path::toString);
    }

    /** Where it leads now, if that is somewhere else than at the start. */
    Optional<String> movedTo() {
        return now().filter(path -> !path.equals(target));
    }

    /** What to do so that upgrades follow this link. */
    String remedy() {
        String name = Printable.of(link);
        return isDirectory()
                ? "Stop the service and start it in " + name + " (cd " + name
                        + "; in a unit of systemd WorkingDirectory= and"
                        + " Environment=PWD= with this name): then upgrades follow the link (docs/pitfalls.md)"
                : "Name " + name + " in the command line and restart the service: then upgrades follow the link"
                        + " (docs/pitfalls.md)";
    }

    private boolean isDirectory() {
        return realPath(link).map(Files::isDirectory).orElse(true);
    }

    /** Empty if nothing is there. */
    static Optional<Path> realPath(String path) {
        try {
            return Optional.of(Path.of(path).toRealPath());
        } catch (IOException | InvalidPathException e) {
            return Optional.empty();
        }
    }
}
