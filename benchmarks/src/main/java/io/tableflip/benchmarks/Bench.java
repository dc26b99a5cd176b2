package io.tableflip.benchmarks;

import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Runs the benchmarks, prints their tables, and writes them with the pictures. */
final class Bench {
    static final String USAGE = """
            usage: bench [--full | --smoke] [--only PART,...] [--out DIRECTORY]
              --full   the recorded run, as long as it takes; else a few minutes
              --smoke  each thing once, to see that it works: the figures mean nothing
              --only   some of the parts: %s
              --out    where results.md and the pictures go: benchmarks/target/results
            """;

    private Bench() {}

    static List<Part> parts() {
        return List.of(
                new HandoffPart(),
                new BootPart(),
                new ReadinessPart(),
                new BootFlagsPart(),
                new LoadPart(),
                new Http2Part(),
                new SteadyPart(),
                new GrowthPart(),
                new ConnectionsPart());
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Options options;
        try {
            options = Options.parse(List.of(arguments));
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.printf(USAGE, String.join(", ", names()));
            System.exit(2);
            return;
        }
        Report report = run(options.scale(), options.chosen());
        System.out.println(report.markdown());
        report.write(options.out());
        System.out.println("written to " + options.out().toAbsolutePath());
    }

    static Report run(Scale scale, List<Part> parts) throws IOException, InterruptedException {
        Report report = new Report(Machine.describe());
        Path directory = Files.createTempDirectory("tableflip-bench");
        Thread interrupted = new Thread(() -> interrupted(directory), "interrupted");
        Runtime.getRuntime().addShutdownHook(interrupted);
        try {
            for (Part part : parts) {
                long began = System.nanoTime();
                System.err.println(part.name() + " ...");
                part.run(new Run(scale, directory, report));
                System.err.printf("%s: %d s%n", part.name(), (System.nanoTime() - began) / 1_000_000_000);
            }
            Runtime.getRuntime().removeShutdownHook(interrupted);
            return report;
        } finally {
            delete(directory);
        }
    }

    /** The JVM ends before the measurements have: by Ctrl-C, for example. */
    private static void interrupted(Path directory) {
        Program.endAll();
        try {
            delete(directory);
        } catch (IOException | UncheckedIOException e) {
            System.err.println("left behind: " + directory + " (" + e + ")");
        }
    }

    private static List<String> names() {
        return parts().stream().map(Part::name).toList();
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** The command line. */
    record Options(Scale scale, List<Part> chosen, Path out) {
        static Options parse(List<String> words) {
            Scale scale = Scale.QUICK;
            List<Part> chosen = parts();
            Path out = Path.of("benchmarks", "target", "results");
            for (int i = 0; i < words.size(); i++) {
                switch (words.get(i)) {
                    case "--full" -> scale = Scale.FULL;
                    case "--smoke" -> scale = Scale.SMOKE;
                    case "--only" -> chosen = named(value(words, ++i));
                    case "--out" -> out = Path.of(value(words, ++i));
                    default -> throw new IllegalArgumentException("unknown: " + words.get(i));
                }
            }
            return new Options(scale, chosen, out);
        }

        private static String value(List<String> words, int index) {
            if (index >= words.size()) {
                throw new IllegalArgumentException(words.get(index - 1) + " needs a value");
            }
            return words.get(index);
        }

        private static List<Part> named(String names) {
            List<String> wanted = List.of(names.split(",", -1));
            for (String name : wanted) {
                if (!names().contains(name)) {
                    throw new IllegalArgumentException("no such part: " + name);
                }
            }
            return Bench.parts().stream()
                    .filter(part -> wanted.contains(part.name()))
                    .toList();
        }
    }
}
