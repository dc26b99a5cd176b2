package io.tableflip.core.os;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Files that are written beside their place, and renamed into it. */
public final class FreshFile {
    private FreshFile() {}

    /** The name beside its place that a process writes to; files of different processes do not meet. */
    public static Path beside(Path place, long pid) {
        return place.resolveSibling("." + place.getFileName() + "." + pid);
    }

    /**
     * Creates a file to write to. Never through a symbolic link: whoever may write to the directory knows
     * this name beforehand.
     *
     * @param permissions {@code rw-r--r--} for example, less the umask
     */
    public static SeekableByteChannel create(Path file, String permissions) throws IOException {
        return Files.newByteChannel(
                file,
                Set.of(CREATE_NEW, WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions)));
    }
}
