package io.tableflip.core;

import static java.lang.System.Logger.Level.DEBUG;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * Loads classes before they are needed. A jar that is overwritten in place, as {@code cp} does, takes away the classes that were not
 * loaded yet, and those of an upgrade and of the drain are only needed when the new jar is there.
 */
final class Preloader {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final String SUFFIX = ".class";

    private Preloader() {}

    /** Loads the classes of the same package and origin. What cannot be loaded is passed over. */
    static void loadPackageOf(Class<?> anchor) {
        CodeSource source = anchor.getProtectionDomain().getCodeSource();
        String directory = anchor.getPackageName().replace('.', '/') + "/";
        if (source == null || source.getLocation() == null) {
            return;
        }
        try {
            for (String entry : entries(Path.of(source.getLocation().toURI()), directory)) {
                load(entry.substring(0, entry.length() - SUFFIX.length()).replace('/', '.'), anchor.getClassLoader());
            }
        } catch (IOException | URISyntaxException | RuntimeException e) {
            LOG.log(DEBUG, "the classes of " + directory + " are loaded when they are needed", e);
        }
    }

    private static List<String> entries(Path origin, String directory) throws IOException {
        if (Files.isDirectory(origin)) {
            try (Stream<Path> files = Files.list(origin.resolve(directory))) {
                return classes(files.map(file -> directory + file.getFileName()), directory);
            }
        }
        try (JarFile jar = new JarFile(origin.toFile())) {
            return classes(jar.stream().map(entry -> entry.getName()), directory);
        }
    }

    private static List<String> classes(Stream<String> names, String directory) {
        return names.filter(name -> name.startsWith(directory)
                        && name.indexOf('/', directory.length()) < 0
                        && name.endsWith(SUFFIX)
                        && !name.endsWith("-info.class"))
                .toList();
    }

    private static void load(String name, ClassLoader loader) {
        try {
            // ours are initialised too, which loads what they need from elsewhere; those of a user might have other
            // effects
            Class.forName(name, name.startsWith("io.tableflip."), loader);
        } catch (ClassNotFoundException | LinkageError e) {
            LOG.log(DEBUG, name, e); // of an optional dependency that is not there
        }
    }
}
