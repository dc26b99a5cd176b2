package io.tableflip.core.resources;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * A cgroup of this process, or one above that.
 *
 * @param name for people: {@code cgroup /system.slice/app.service}
 * @param directory where its files are
 * @param unified whether it is of version 2
 * @param own whether this process is in it, and not only in one below it
 */
record Cgroup(String name, Path directory, boolean unified, boolean own) {
    private static final System.Logger LOG = Log.get();

    /** Version 1 writes "no limit" as the largest number of whole pages. */
    private static final long UNLIMITED = Long.MAX_VALUE / 2;

    /** The number in a file. Empty for "max" and its like, for nonsense, and where there is no such file. */
    OptionalLong read(String file) {
        Path path = directory.resolve(file);
        try {
            String text = Files.exists(path) ? Files.readString(path).strip() : "max";
            long value = text.equals("max") ? Long.MAX_VALUE : Long.parseLong(text);
            return value < 0 || value >= UNLIMITED ? OptionalLong.empty() : OptionalLong.of(value);
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "no number in " + path, e);
            return OptionalLong.empty();
        }
    }
}
