package io.tableflip.benchmarks;

import io.tableflip.benchmarks.Run.Scale;
import io.tableflip.examples.Main;
import java.io.IOException;
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
 * What a child takes from the clients of the service, while it boots and warms up and when it has taken over, by the flags and the priority with which it
 * is started. Only in the recorded run: it is of interest once, for whoever chooses flags.
 */
final class BootFlagsPart implements Part {
    private static final Pattern LISTENING = Pattern.compile("listening on \\S+:(\\d+) \\(pid (\\d+)");
    private static final Pattern CHILD = Pattern.compile("generation 2 \\(pid \\d+\\) is serving, (\\d+) ms");
    private static final LoadTrial.Rates RATES = new LoadTrial.Rates(2_000, 0);
    private static final Duration WARM = Duration.ofMillis(3500);
    private static final long STEADY = TimeUnit.SECONDS.toNanos(2);
    private static final long AFTER = TimeUnit.SECONDS.toNanos(1);
    /** What comes before the first answer, since clients are asked to leave one by one, is in it as well. */
    private static final long AFTER_TAKEOVER = 2 * AFTER;

    /**
     * One way to start a child.
     *
     * @param command with the JVM as %s
     * @param idleBoot as the server takes it, and so is the warm-up
     */
    private record Variant(String name, String command, String idleBoot, String warmUp, List<Trial> trials) {
        Variant(String name, String command) {
            this(name, command, "0s", "1s");
        }

        Variant(String name, String command, String idleBoot, String warmUp) {
            this(name, command, idleBoot, warmUp, new ArrayList<>());
        }

        Sample sample(ToDoubleFunction<Trial> value) {
            return Sample.of(trials.stream().mapToDouble(value).toArray());
        }
    }

    private static List<Variant> variants() {
        return List.of(
                new Variant("as its parent", "%s"),
                new Variant("idleBoot", "%s", "10s", "1s"),
                new Variant("idleBoot, warm-up of 3 s at most", "%s", "10s", "3s"),
                new Variant("warm-up of 3 s at most", "%s", "0s", "3s"),
                new Variant("nice -n 10", "nice -n 10 %s"),
                new Variant("-XX:+UseSerialGC", "%s -XX:+UseSerialGC"),
                new Variant("-Xms16m", "%s -Xms16m"),
                new Variant("-XX:TieredStopAtLevel=1", "%s -XX:TieredStopAtLevel=1"),
                new Variant(
                        "-XX:ThreadPriorityPolicy=1 -XX:CompilerThreadPriority=5",
                        "%s -XX:ThreadPriorityPolicy=1 -XX:CompilerThreadPriority=5"));
    }

    /**
     * All in milliseconds but for the failures.
     *
     * @param boot of the child, from its start to READY
     * @param steady the p99 before the signal
     * @param before that from the signal to the first answer of the child
     * @param after that in the second after it
     */
    private record Trial(double boot, double steady, double before, double after, long failed) {}

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
        try (LoadDriver client = LoadDriver.start(run.newDirectory("client"))) {
            for (int round = 0; round < run.repeats(); round++) {
                for (int i = 0; i < variants.size(); i++) {
                    Variant variant = variants.get(round % 2 == 0 ? i : variants.size() - 1 - i);
                    variant.trials().add(trial(run, client, variant));
                }
            }
            report(run, client.priority(), variants);
        }
    }

    private static void report(Run run, String priority, List<Variant> variants) {
        Table table = run.report()
                .table(
                        "A child under load, by its flags and priority",
                        "child",
                        "boot to READY (ms)",
                        "p99 until its first answer (ms)",
                        "× steady",
                        "p99 in the second after it (ms)",
                        "× steady",
                        "failed");
        for (Variant variant : variants) {
            table.row(
                    variant.name(),
                    variant.sample(Trial::boot).text(0),
                    variant.sample(Trial::before).text(1),
                    variant.sample(trial -> trial.before / trial.steady).text(1),
                    variant.sample(Trial::after).text(1),
                    variant.sample(trial -> trial.after / trial.steady).text(1),
                    variant.trials().stream().mapToLong(Trial::failed).sum());
        }
        table.note(
                "2,000 requests a second on 32 connections that are kept, latency from the intended time; steady: the 2 s before the signal."
                        + " The example server; with a warm-up of a second at most where nothing else is said, and without idleBoot. The warm-up is part of the boot here. A parent that has served for 5.5 s, upgraded once; median (least to greatest) of "
                        + run.repeats()
                        + ". " + priority
                        + " By tiers, the compilers cannot be fewer than two threads, which is what two processors have anyway.");
    }

    private static Trial trial(Run run, LoadDriver client, Variant variant) throws IOException, InterruptedException {
        Path directory = run.newDirectory("boot-flags");
        List<String> arguments = List.of(
                "http",
                "--listen",
                "127.0.0.1:0",
                "--pid-file",
                directory.resolve("pid").toString(),
                "--idle-boot",
                variant.idleBoot(),
                "--warm-up",
                variant.warmUp());
        try (Program program = Program.start(
                "boot-flags", directory, command(script(directory, variant.command()), arguments), environment -> {})) {
            var listening = program.await(LISTENING);
            int port = Integer.parseInt(listening.group(1));
            client.warm(port, RATES, WARM);
            client.begin(port, RATES);
            TimeUnit.NANOSECONDS.sleep(STEADY);
            long signal = System.nanoTime();
            long parent = Long.parseLong(listening.group(2));
            Program.signal("HUP", parent);
            double boot = Double.parseDouble(program.await(CHILD).group(1));
            TimeUnit.NANOSECONDS.sleep(AFTER_TAKEOVER);
            LoadRecord load = client.end();
            return trial(boot, load, signal, parent);
        }
    }

    private static Trial trial(double boot, LoadRecord load, long signal, long parent) {
        long first = load.outcomes()
                .filter(outcome -> outcome.isAnswered() && outcome.pid() != parent)
                .mapToLong(outcome -> outcome.intendedNanos() + outcome.latencyNanos())
                .min()
                .orElseThrow(() -> new BenchmarkException("the child has answered nothing"));
        return new Trial(
                boot,
                p99(load, signal - STEADY, signal),
                p99(load, signal, first),
                p99(load, first, first + AFTER),
                load.outcomes().filter(outcome -> !outcome.isAnswered()).count());
    }

    /** Of what was to be sent in that time, in milliseconds. */
    private static double p99(LoadRecord load, long from, long to) {
        return LoadFigures.quantile(
                load.outcomes()
                        .filter(Outcome::isAnswered)
                        .filter(outcome -> outcome.intendedNanos() >= from && outcome.intendedNanos() < to),
                0.99);
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
