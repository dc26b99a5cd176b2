package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import io.tableflip.core.text.Printable;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.CodeSource;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Notices that a jar of this process was overwritten in place, as {@code cp} does it. Whoever has it open
 * then reads the new bytes where the old directory says that a class is, and every class that was not loaded
 * yet is lost. A jar that was renamed into place, as {@code mv} does it, is another file and harms nobody.
 */
public final class JarWatch {
    private static final System.Logger LOG = Log.get();

    private final String classPath;
    private final Path openFiles;
    private volatile Map<Path, Stamp> remembered = Map.of();

    public JarWatch() {
        this(System.getProperty("java.class.path", ""), Path.of("/proc/self/fd"));
    }

    /**
     * @param openFiles a directory of links to the files that are open: not every jar stands on the class
     * path
     */
    public JarWatch(String classPath, Path openFiles) {
        this.classPath = classPath;
        this.openFiles = openFiles;
    }

    /** One state of a file. */
    private record Stamp(@Nullable Object file, long size, FileTime modified) {
        static Stamp of(Path path) throws IOException {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            return new Stamp(attributes.fileKey(), attributes.size(), attributes.lastModifiedTime());
        }

        boolean isOverwritten(Stamp now) {
            return file != null && file.equals(now.file) && !equals(now);
        }
    }

    /**
     * Looks at the jars of the class path, those that are open, and those that the classes come from.
     * Whatever is no jar or cannot be looked at is passed over.
     */
    public void remember(List<Class<?>> classes) {
        Map<Path, Stamp> stamps = new HashMap<>();
        for (String entry : classPath.split(File.pathSeparator, -1)) {
            remember(entry, stamps);
        }
        openFiles().forEach(file -> remember(file, stamps));
        classes.forEach(type -> remember(origin(type), stamps));
        remembered = Map.copyOf(stamps);
    }

    private static void remember(String file, Map<Path, Stamp> stamps) {
        try {
            if (!file.isEmpty() && Files.isRegularFile(Path.of(file))) {
                Path path = Path.of(file).toRealPath(); // a link on the way may be re-pointed
                stamps.put(path, Stamp.of(path));
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "not watched: " + file, e);
        }
    }

    private Set<String> openFiles() {
        Set<String> jars = new LinkedHashSet<>();
        try (DirectoryStream<Path> links = Files.newDirectoryStream(openFiles)) {
            for (Path link : links) {
                String file = target(link);
                if (file.endsWith(".jar")) {
                    jars.add(file);
                }
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(DEBUG, "open files", e);
        }
        return jars;
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return ""; // closed meanwhile
        }
    }

    /** Empty if it is not a file: a jar in a jar is watched as the outer one. */
    private static String origin(Class<?> type) {
        CodeSource source = type.getProtectionDomain().getCodeSource();
        URL location = source == null ? null : source.getLocation();
        try {
            return location == null || !location.getProtocol().equals("file")
                    ? ""
                    : Path.of(location.toURI()).toString();
        } catch (URISyntaxException | RuntimeException e) {
            return "";
        }
    }

    /** Logs once what was overwritten since, if anything was. */
    public void warn() {
        String overwritten = remembered.entrySet().stream()
                .filter(entry -> isOverwritten(entry.getKey(), entry.getValue()))
                .map(entry -> Printable.of(entry.getKey().toString()))
                .sorted()
                .collect(Collectors.joining(", "));
        if (!overwritten.isEmpty()) {
            LOG.log(
                    WARNING,
                    "{0} was overwritten in place: classes that this process has not loaded yet cannot be loaded any more, and"
                            + " requests that need them fail until it has exited. Put a new jar in place with mv, never with cp",
                    overwritten);
        }
    }

    private static boolean isOverwritten(Path path, Stamp before) {
        try {
            return before.isOverwritten(Stamp.of(path));
        } catch (IOException | RuntimeException e) {
            return false; // removed, which harms nobody who has it open
        }
    }
}
