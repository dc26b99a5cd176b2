package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Commands;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PreloaderTest {
    /** Prints the classes of the library that are not loaded when the preloader has done its work. */
    public static final class Main {
        public static void main(String[] args) {
            Preloader.load(List.of());
            System.out.println("preloaded");
        }
    }

    /** Whatever package a class is in: a jar that is overwritten takes away those that were not loaded. */
    @Test
    void loadsTheClassesOfAllPackages() throws Exception {
        Path classes = Path.of(Preloader.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        TreeSet<String> missing = new TreeSet<>();
        try (Stream<Path> files = Files.walk(classes.resolve("io/tableflip/core"))) {
            files.map(file -> classes.relativize(file).toString())
                    .filter(name -> name.endsWith(".class") && !name.endsWith("-info.class"))
                    .map(name -> name.substring(0, name.length() - 6).replace('/', '.'))
                    .forEach(missing::add);
        }
        assertTrue(missing.size() > 100, missing::toString);
        String loaded = Commands.output(new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xlog:class+load",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        assertTrue(loaded.contains("preloaded"), loaded);
        loaded.lines().forEach(line -> missing.removeIf(name -> line.contains(" " + name + " source:")));
        assertEquals(List.of(), List.copyOf(missing));
    }
}
