package io.tableflip.it;

import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a generation holds and leaves once it is at rest.
 *
 * @param counted what must be the same for each
 * @param memory its resident memory in kB
 */
record Footprint(Counted counted, long memory) {
    /** Threads that the JVM and the pools of this library start and end as they need them. */
    private static final Pattern COMING_AND_GOING =
            Pattern.compile("C[12] Compiler.*|G1 .*|GC Thread.*|VM Periodic.*|tableflip-b.*|tableflip-p.*");

    /**
     * @param descriptors of the process, by what they are; but for the sockets, since the clients' come and go
     * @param listeners sockets that listen
     * @param threads by name
     * @param arguments how many, and how many bytes
     * @param environment every variable, but for the numbers in it
     * @param files in the working and in the temporary directory
     * @param zombies children that nobody has waited for
     */
    record Counted(
            SortedMap<String, Long> descriptors,
            long listeners,
            SortedMap<String, Long> threads,
            List<Integer> arguments,
            List<String> environment,
            List<String> files,
            int zombies) {}

    static Footprint of(Service service, Path directory, Path temporary) throws IOException {
        long pid = service.pid();
        SortedMap<Integer, String> descriptors = settled(service, pid);
        List<String> listening = Proc.listeningSockets();
        Counted counted = new Counted(
                count(descriptors.values().stream()
                        .filter(what -> !what.startsWith("socket:["))
                        .map(what -> what.replaceAll("\\[\\d+]", ""))),
                descriptors.values().stream().filter(listening::contains).count(),
                count(Proc.threads(pid).stream()
                        .filter(name -> !COMING_AND_GOING.matcher(name).matches())),
                List.of(block(pid, "cmdline").size(), bytes(pid, "cmdline").length),
                block(pid, "environ").stream()
                        .map(variable ->
                                variable.startsWith("TABLEFLIP_LINK=") ? variable.replaceAll("\\d+", "0") : variable)
                        .toList(),
                Stream.concat(files(directory), files(temporary))
                        .filter(name -> !name.equals(".service.pid.status." + pid)) // becomes the status file
                        .toList(),
                Proc.zombies(pid).size());
        return new Footprint(counted, Proc.residentKilobytes(pid));
    }

    /** Waits until the process has prepared its next upgrade: that happens in the background, and has closed the pipes of the last one. */
    private static SortedMap<Integer, String> settled(Service service, long pid) {
        service.awaitMatch("pid " + pid + "\\] prepared for the next upgrade");
        return Proc.descriptors(pid);
    }

    private static byte[] bytes(long pid, String what) throws IOException {
        return Files.readAllBytes(Path.of("/proc/" + pid + "/" + what));
    }

    private static List<String> block(long pid, String what) throws IOException {
        return Arrays.asList(new String(bytes(pid, what), StandardCharsets.ISO_8859_1).split("\0"));
    }

    private static SortedMap<String, Long> count(Stream<String> names) {
        return names.collect(Collectors.groupingBy(name -> name, TreeMap::new, Collectors.counting()));
    }

    private static Stream<String> files(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files
                    .map(file -> file.getFileName().toString())
                    .filter(name -> !name.startsWith("hsperfdata_"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    /** For people. */
    String text() {
        return sum(counted.descriptors) + " descriptors and " + counted.listeners + " listener, " + sum(counted.threads)
                + " threads, " + counted.arguments.get(0) + " arguments of " + counted.arguments.get(1) + " bytes, "
                + counted.environment.size() + " variables of "
                + counted.environment.stream().mapToInt(String::length).sum() + " bytes, " + counted.files.size()
                + " files, " + memory / 1024 + " MB resident";
    }

    private static long sum(Map<String, Long> counts) {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }
}
