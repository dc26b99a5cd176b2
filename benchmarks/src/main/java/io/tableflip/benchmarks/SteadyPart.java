package io.tableflip.benchmarks;

import io.tableflip.examples.Main;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** What tableflip costs a server that is not being upgraded: throughput and latency of the same Netty server with it and without. */
final class SteadyPart implements Part {
    private static final Pattern LISTENING = Pattern.compile("listening on 127.0.0.1:(\\d+)\\s");
    private static final int CONNECTIONS = 32;

    private final List<Measured> plain = new ArrayList<>();
    private final List<Measured> ours = new ArrayList<>();

    /**
     * One process.
     *
     * @param rate requests a second
     * @param p99Millis the median of those of its runs
     * @param cpuMicros processor time of the server for a request
     */
    private record Measured(double rate, double p99Millis, double cpuMicros) {}

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
        int launches = run.pick(1, 3, 16);
        for (int launch = 0; launch < launches; launch++) {
            int done = launch + 1;
            measure(run, wrk.get());
            run.progress(() -> "steady: " + done + " of " + launches + " pairs of processes");
        }
        report(run);
    }

    /** With a new process of each, since each compiles its code in its own way. */
    private void measure(Run run, Path wrk) throws IOException, InterruptedException {
        int turns = run.pick(1, 2, 4);
        int seconds = run.pick(1, 1, 2);
        int warming = run.pick(1, 2, 5);
        try (Program plainServer = plain(run.newDirectory("plain"));
                Program ourServer = ours(run.newDirectory("ours"))) {
            Runs plainRuns = new Runs(wrk, plainServer);
            Runs ourRuns = new Runs(wrk, ourServer);
            for (int i = 0; i < 2; i++) { // compiles
                Wrk.run(wrk, plainRuns.port, CONNECTIONS, warming);
                Wrk.run(wrk, ourRuns.port, CONNECTIONS, warming);
            }
            for (int i = 0; i < turns; i++) {
                // first one, then the other: what comes second is not always the same
                (i % 2 == 0 ? plainRuns : ourRuns).once(seconds);
                (i % 2 == 0 ? ourRuns : plainRuns).once(seconds);
            }
            plain.add(plainRuns.measured());
            ours.add(ourRuns.measured());
        }
    }

    /** The runs against one process. */
    private static final class Runs {
        private final Path wrk;
        private final Program server;
        private final int port;
        private final List<Wrk> done = new ArrayList<>();
        private long cpuMillis;

        Runs(Path wrk, Program server) throws InterruptedException {
            this.wrk = wrk;
            this.server = server;
            port = Integer.parseInt(server.await(LISTENING).group(1));
        }

        void once(int seconds) throws IOException, InterruptedException {
            long before = Program.cpuMillis(server.firstPid());
            done.add(Wrk.run(wrk, port, CONNECTIONS, seconds));
            cpuMillis += Program.cpuMillis(server.firstPid()) - before;
        }

        Measured measured() {
            double rate = done.stream().mapToDouble(Wrk::perSecond).average().orElseThrow();
            double p99 = Sample.of(done.stream().map(Wrk::p99Millis).toList()).median();
            long requests = done.stream().mapToLong(Wrk::requests).sum();
            return new Measured(rate, p99, cpuMillis * 1000.0 / requests);
        }
    }

    private void report(Run run) {
        Sample.Interval rate = ratio(Measured::rate).confidence();
        Sample.Interval cpu = ratio(Measured::cpuMicros).confidence();
        run.report()
                .table("Steady state", "", "requests/s", "p99, ms", "CPU of the server a request, µs")
                .row(texts("without tableflip", plain))
                .row(texts("with tableflip", ours))
                .row(
                        "ratio",
                        ratio(Measured::rate).text(3),
                        ratio(Measured::p99Millis).text(2),
                        ratio(Measured::cpuMicros).text(3))
                .note(String.format(
                        "wrk, one thread, %d keep-alive connections, closed loop: it takes one processor, the server the other. The ratio is that of each pair"
                                + " of processes, of which there were %d, each new; the runs against the two take turns. 95%% confidence interval of the median ratio:"
                                + " %.3f to %.3f for the rate, %.3f to %.3f for the processor time.",
                        CONNECTIONS, ours.size(), rate.low(), rate.high(), cpu.low(), cpu.high()));
        run.report()
                .bar(Bar.atLeast(
                        "lower end of the confidence interval of the throughput, against plain Netty",
                        0.98,
                        rate.low(),
                        "×"));
    }

    private static Object[] texts(String name, List<Measured> all) {
        return new Object[] {
            name,
            sample(all, Measured::rate).text(0),
            sample(all, Measured::p99Millis).text(2),
            sample(all, Measured::cpuMicros).text(2)
        };
    }

    private static Sample sample(List<Measured> all, ToDoubleFunction<Measured> value) {
        return Sample.of(all.stream().mapToDouble(value).toArray());
    }

    /** Ours to the plain one, of each pair of processes. */
    private Sample ratio(ToDoubleFunction<Measured> value) {
        return Sample.of(IntStream.range(0, ours.size())
                .mapToDouble(i -> value.applyAsDouble(ours.get(i)) / value.applyAsDouble(plain.get(i)))
                .toArray());
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
