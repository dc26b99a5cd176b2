package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * Loads classes before they are needed. A jar that is overwritten in place, as {@code cp} does it, takes away
 * the classes that were not loaded yet, and the classes of an upgrade and of the drain are needed only when
 * the new jar is there.
 */
public final class Preloader {
    private static final System.Logger LOG = Log.get();
    private static final String SUFFIX = ".class";
    private static final String LIBRARY = "io/tableflip/";

    private Preloader() {}

    /**
     * Loads this module and, for each of these classes, the classes that have come with it: all of its module
     * if it is one of this project's, those of its package otherwise. What cannot be loaded is passed over.
     */
    public static void load(Collection<Class<?>> anchors) {
        Set<Object> loaded = new HashSet<>();
        Stream.concat(Stream.of(Preloader.class), anchors.stream()).forEach(anchor -> {
            CodeSource source = anchor.getProtectionDomain().getCodeSource();
            if (source != null && source.getLocation() != null) {
                String directory = directory(anchor);
                if (loaded.add(List.of(source.getLocation().toString(), directory))) {
                    load(source, directory, anchor.getClassLoader());
                }
            }
        });
    }

    /** {@code io/tableflip/MODULE/} for a class of this project. */
    private static String directory(Class<?> anchor) {
        String directory = anchor.getPackageName().replace('.', '/') + "/";
        return directory.startsWith(LIBRARY)
                ? directory.substring(0, directory.indexOf('/', LIBRARY.length()) + 1)
                : directory;
    }

    private static void load(CodeSource source, String directory, ClassLoader loader) {
        try {
            for (String entry : entries(Path.of(source.getLocation().toURI()), directory)) {
                load(entry.substring(0, entry.length() - SUFFIX.length()).replace('/', '.'), loader);
            }
        } catch (IOException | URISyntaxException | RuntimeException e) {
            LOG.log(DEBUG, "the classes of " + directory + " are loaded when they are needed", e);
        }
    }

    private static List<String> entries(Path origin, String directory) throws IOException {
        if (Files.isDirectory(origin)) {
            try (Stream<Path> files = Files.walk(origin.resolve(directory))) {
                return classes(files.map(file -> origin.relativize(file).toString()), directory);
            }
        }
        try (JarFile jar = new JarFile(origin.toFile())) {
            return classes(jar.stream().map(entry -> entry.getName()), directory);
        }
    }

    private static List<String> classes(Stream<String> names, String directory) {
        boolean ours = directory.startsWith(LIBRARY);
        return names.filter(name -> name.startsWith(directory)
                        && (ours || name.indexOf('/', directory.length()) < 0)
                        && name.endsWith(SUFFIX)
                        && !name.endsWith("-info.class"))
                .toList();
    }

    private static void load(String name, ClassLoader loader) {
        try {
            // ours are initialised too, which loads what they need from elsewhere; those of a user might have
            // other effects
            Class.forName(name, name.startsWith("io.tableflip."), loader);
        } catch (ClassNotFoundException | LinkageError e) {
            LOG.log(DEBUG, name, e); // of an optional dependency that is not there
        }
    }
}
