package io.tableflip.benchmarks;

import io.netty.util.Version;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What a run is made on, and with. */
final class Machine {
    private Machine() {}

    /** A line for each. */
    static List<String> describe() throws IOException {
        List<String> lines = new ArrayList<>();
        lines.add(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'").format(ZonedDateTime.now(ZoneOffset.UTC)));
        lines.add(Runtime.getRuntime().availableProcessors() + " processors (" + field("/proc/cpuinfo", "model name")
                + "), " + field("/proc/meminfo", "MemTotal") + " of memory, load " + load());
        lines.add("Linux " + System.getProperty("os.version") + ", "
                + field("/etc/os-release", "PRETTY_NAME", '=').replace("\"", ""));
        lines.add("Java " + System.getProperty("java.vm.version") + " (" + System.getProperty("java.vm.vendor")
                + "), Netty "
                + Optional.ofNullable(Version.identify().get("netty-transport-classes-epoll"))
                        .map(Version::artifactVersion)
                        .orElse("unknown"));
        return lines;
    }

    private static String load() throws IOException {
        return Files.readString(Path.of("/proc/loadavg")).split(" ", 2)[0];
    }

    private static String field(String file, String name) throws IOException {
        return field(file, name, ':');
    }

    private static String field(String file, String name, char separator) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of(file), StandardCharsets.UTF_8)) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(separator) + 1).strip())
                    .findFirst()
                    .orElse("unknown");
        }
    }

    /** The home of an installed JDK of that version. This JVM's own, if it is one. */
    static Optional<Path> jdk(int feature) throws IOException {
        if (Runtime.version().feature() == feature) {
            return Optional.of(Path.of(System.getProperty("java.home")));
        }
        Path jvms = Path.of("/usr/lib/jvm");
        if (!Files.isDirectory(jvms)) {
            return Optional.empty();
        }
        try (Stream<Path> homes = Files.list(jvms)) {
            return homes.sorted().filter(home -> isJdk(home, feature)).findFirst();
        }
    }

    private static boolean isJdk(Path home, int feature) {
        try {
            return Files.isExecutable(home.resolve("bin/javac"))
                    && Files.readAllLines(home.resolve("release")).stream()
                            .anyMatch(line -> line.matches("JAVA_VERSION=\"" + feature + "(\\.[^\"]*)?\""));
        } catch (IOException e) {
            return false;
        }
    }

    /** A program by its name, in PATH or where Debian puts daemons. */
    static Optional<Path> program(String name) {
        return Stream.concat(
                        Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1)),
                        Stream.of("/usr/sbin", "/sbin"))
                .filter(directory -> !directory.isEmpty())
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
