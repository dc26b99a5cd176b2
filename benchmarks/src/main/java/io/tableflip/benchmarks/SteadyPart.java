package io.tableflip.benchmarks;

import io.tableflip.examples.Main;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** What tableflip costs a server that is not being upgraded: throughput and latency of the same Netty server with it and without. */
final class SteadyPart implements Part {
    private static final Pattern LISTENING = Pattern.compile("listening on 127.0.0.1:(\\d+)\\s");
    private static final int CONNECTIONS = 32;

    private final List<Double> plainRates = new ArrayList<>();
    private final List<Double> ourRates = new ArrayList<>();
    private final List<Double> rateRatios = new ArrayList<>();
    private final List<Double> plainLatencies = new ArrayList<>();
    private final List<Double> ourLatencies = new ArrayList<>();
    private final List<Double> latencyRatios = new ArrayList<>();

    @Override
    public String name() {
        return "steady";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        Optional<Path> wrk = Machine.program("wrk");
        if (wrk.isEmpty()) {
            run.report().leaveOut("steady throughput", "there is no wrk here (Debian: wrk)");
            return;
        }
        int launches = run.pick(1, 2, 6);
        for (int launch = 0; launch < launches; launch++) {
            int done = launch + 1;
            measure(run, wrk.get());
            run.progress(() -> "steady: " + done + " of " + launches + " pairs of processes");
        }
        report(run, launches);
    }

    /** With a new process of each, since each compiles its code in its own way. */
    private void measure(Run run, Path wrk) throws IOException, InterruptedException {
        int pairs = run.pick(1, 3, 8);
        int seconds = run.pick(1, 2, 4);
        int warming = run.pick(1, 3, 8);
        try (Program plain = plain(run.newDirectory("plain"));
                Program ours = ours(run.newDirectory("ours"))) {
            int plainPort = port(plain);
            int ourPort = port(ours);
            for (int i = 0; i < 2; i++) { // compiles
                Wrk.run(wrk, plainPort, CONNECTIONS, warming);
                Wrk.run(wrk, ourPort, CONNECTIONS, warming);
            }
            for (int i = 0; i < pairs; i++) {
                // first one, then the other: what comes second is not always the same
                Wrk first = Wrk.run(wrk, i % 2 == 0 ? plainPort : ourPort, CONNECTIONS, seconds);
                Wrk second = Wrk.run(wrk, i % 2 == 0 ? ourPort : plainPort, CONNECTIONS, seconds);
                add(i % 2 == 0 ? first : second, i % 2 == 0 ? second : first);
            }
        }
    }

    private void add(Wrk plain, Wrk ours) {
        plainRates.add(plain.perSecond());
        ourRates.add(ours.perSecond());
        rateRatios.add(ours.perSecond() / plain.perSecond());
        plainLatencies.add(plain.p99Millis());
        ourLatencies.add(ours.p99Millis());
        latencyRatios.add(ours.p99Millis() / plain.p99Millis());
    }

    private void report(Run run, int launches) {
        Sample ratio = Sample.of(rateRatios);
        Sample.Interval interval = ratio.confidence();
        run.report()
                .table("Steady state", "", "requests/s", "p99, ms")
                .row(
                        "without tableflip",
                        Sample.of(plainRates).text(0),
                        Sample.of(plainLatencies).text(2))
                .row(
                        "with tableflip",
                        Sample.of(ourRates).text(0),
                        Sample.of(ourLatencies).text(2))
                .row("ratio", ratio.text(3), Sample.of(latencyRatios).text(2))
                .note(String.format(
                        "wrk, one thread, %d keep-alive connections, closed loop: it takes one processor, the server the other. %d pairs of runs in %d"
                                + " pairs of processes; the ratio is that of each pair. 95%% confidence interval of the median ratio of the rates: %.3f to %.3f.",
                        CONNECTIONS, ratio.size(), launches, interval.low(), interval.high()));
        run.report()
                .bar(Bar.atLeast(
                        "lower end of the confidence interval of the throughput, against plain Netty",
                        0.98,
                        interval.low(),
                        "×"));
    }

    private static int port(Program server) throws InterruptedException {
        return Integer.parseInt(server.await(LISTENING).group(1));
    }

    private static Program plain(Path directory) throws IOException {
        return start("plain", directory, PlainServer.class, List.of("--listen", "127.0.0.1:0"));
    }

    private static Program ours(Path directory) throws IOException {
        String pidFile = directory.resolve("pid").toString();
        return start("ours", directory, Main.class, List.of("http", "--listen", "127.0.0.1:0", "--pid-file", pidFile));
    }

    private static Program start(String name, Path directory, Class<?> main, List<String> arguments)
            throws IOException {
        Path home = Path.of(System.getProperty("java.home"));
        return Program.start(name, directory, Program.java(home, List.of(), main, arguments), environment -> {});
    }
}
