package io.tableflip.benchmarks;

import io.tableflip.benchmarks.Run.Scale;
import io.tableflip.examples.LoadResult;
import io.tableflip.examples.Main;
import io.tableflip.examples.StrictLoad;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;

/**
 * What the boot of a child takes from the clients of its parent, by the flags and the priority with which the child is started. Only in the recorded run: it is of
 * interest once, for whoever chooses flags.
 */
final class BootFlagsPart implements Part {
    private static final Pattern LISTENING = Pattern.compile("listening on \\S+:(\\d+) \\(pid (\\d+)");
    private static final Pattern CHILD = Pattern.compile("generation 2 \\(pid \\d+\\) is serving, (\\d+) ms");
    private static final Duration WARM = Duration.ofMillis(5500);
    private static final long STEADY = TimeUnit.SECONDS.toNanos(2);
    private static final long DURING = TimeUnit.SECONDS.toNanos(1);

    /**
     * One way to start a child.
     *
     * @param command with the JVM as %s
     */
    private record Variant(String name, String command, List<Trial> trials) {
        Variant(String name, String command) {
            this(name, command, new ArrayList<>());
        }

        Sample sample(ToDoubleFunction<Trial> value) {
            return Sample.of(trials.stream().mapToDouble(value).toArray());
        }
    }

    private static List<Variant> variants() {
        return List.of(
                new Variant("as its parent", "%s"),
                new Variant("nice -n 10", "nice -n 10 %s"),
                new Variant("-XX:+UseSerialGC", "%s -XX:+UseSerialGC"),
                new Variant("-Xms16m", "%s -Xms16m"),
                new Variant("-XX:TieredStopAtLevel=1", "%s -XX:TieredStopAtLevel=1"));
    }

    /** @param boot of the child, from its start to READY, in milliseconds; the others as well, but for the failures */
    private record Trial(
            double boot, double steady99, double during99, double steady999, double during999, long failed) {}

    @Override
    public String name() {
        return "boot-flags";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        if (run.scale() == Scale.QUICK) {
            run.report().leaveOut("flags and priority of a child (boot-flags)", "measured by --full alone");
            return;
        }
        List<Variant> variants = variants().subList(0, run.pick(2, 0, variants().size()));
        for (int round = 0; round < run.repeats(); round++) {
            for (int i = 0; i < variants.size(); i++) {
                Variant variant = variants.get(round % 2 == 0 ? i : variants.size() - 1 - i);
                variant.trials().add(trial(run, variant.command()));
            }
        }
        report(run, variants);
    }

    private static void report(Run run, List<Variant> variants) {
        Table table = run.report()
                .table(
                        "Boot of a child under load, by its flags and priority",
                        "child",
                        "boot to READY (ms)",
                        "p99 during / steady",
                        "p99.9 during / steady",
                        "p99 during (ms)",
                        "failed");
        for (Variant variant : variants) {
            table.row(
                    variant.name(),
                    variant.sample(Trial::boot).text(0),
                    variant.sample(trial -> trial.during99 / trial.steady99).text(2),
                    variant.sample(trial -> trial.during999 / trial.steady999).text(2),
                    variant.sample(Trial::during99).text(2),
                    variant.trials().stream().mapToLong(Trial::failed).sum());
        }
        table.note(
                "2,000 requests a second on 32 connections that are kept, latency from the intended time; during: within 1 s of the signal,"
                        + " steady: the 2 s before. A parent that has served for 5.5 s, upgraded once; median (least to greatest) of "
                        + run.repeats()
                        + ". By tiers, the compilers cannot be fewer than two threads, which is what two processors have anyway.");
    }

    private static Trial trial(Run run, String variant) throws IOException, InterruptedException {
        Path directory = run.newDirectory("boot-flags");
        List<String> arguments = List.of(
                "http",
                "--listen",
                "127.0.0.1:0",
                "--pid-file",
                directory.resolve("pid").toString(),
                "--warm-up",
                "0s",
                "--spread",
                "0s");
        try (Program program = Program.start(
                "boot-flags", directory, command(script(directory, variant), arguments), environment -> {})) {
            var listening = program.await(LISTENING);
            InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(listening.group(1)));
            try (StrictLoad load = StrictLoad.builder()
                    .target(address)
                    .rate(2000)
                    .connections(32)
                    .newShare(0)
                    .duration(WARM.plusMillis(2000))
                    .start()) {
                TimeUnit.NANOSECONDS.sleep(WARM.toNanos());
                long signal = System.nanoTime();
                Program.signal("HUP", Long.parseLong(listening.group(2)));
                LoadResult result = load.await();
                double boot = Double.parseDouble(program.await(CHILD).group(1));
                return trial(boot, result, signal);
            }
        }
    }

    private static Trial trial(double boot, LoadResult result, long signal) {
        LoadResult.Latencies steady = result.latencies(
                sample -> sample.intendedNanos() < signal && sample.intendedNanos() >= signal - STEADY);
        LoadResult.Latencies during = result.latencies(
                sample -> sample.intendedNanos() >= signal && sample.intendedNanos() < signal + DURING);
        return new Trial(
                boot,
                millis(steady.quantile(0.99)),
                millis(during.quantile(0.99)),
                millis(steady.quantile(0.999)),
                millis(during.quantile(0.999)),
                result.counts().failed());
    }

    private static double millis(Duration time) {
        return time.toNanos() / 1e6;
    }

    private static List<String> command(Path script, List<String> arguments) {
        List<String> command = new ArrayList<>(arguments);
        command.add(0, script.toString());
        return command;
    }

    /** Starts the first process as it is, and a child in the other way. */
    private static Path script(Path directory, String variant) throws IOException {
        Path home = Path.of(System.getProperty("java.home"));
        List<String> java = Program.java(home, List.of(), Main.class, List.of());
        String rest = " '" + String.join("' '", java.subList(1, java.size())) + "' \"$@\"\n";
        Path script = Files.writeString(
                directory.resolve("start"),
                "#!/bin/sh\nexport TABLEFLIP_LAUNCHER=\"$0\"\n[ -z \"${TABLEFLIP_LINK:-}\" ] || exec "
                        + String.format(variant, java.get(0)) + rest + "exec " + java.get(0) + rest);
        return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    }
}
