package io.tableflip.benchmarks;

import io.tableflip.benchmarks.ServerPairs.Measured;
import io.tableflip.examples.Main;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What tableflip costs a server that is not being upgraded: throughput and latency of the same Netty server with it and without. */
final class SteadyPart implements Part {
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
        report(run, ServerPairs.measure(run, name(), wrk.get(), SteadyPart::plain, SteadyPart::ours));
    }

    private static void report(Run run, ServerPairs pairs) {
        Sample.Interval rate = pairs.ratio(Measured::rate).confidence();
        Sample.Interval cpu = pairs.ratio(Measured::cpuMicros).confidence();
        run.report()
                .table("Steady state", "", "requests/s", "p99, ms", "CPU of the server a request, µs")
                .row(pairs.firstRow("without tableflip"))
                .row(pairs.secondRow("with tableflip"))
                .row(
                        "ratio",
                        pairs.ratio(Measured::rate).text(3),
                        pairs.ratio(Measured::p99Millis).text(2),
                        pairs.ratio(Measured::cpuMicros).text(3))
                .note(String.format(
                        "wrk, one thread, %d keep-alive connections, closed loop: it takes one processor, the server the other. The ratio is that of each pair"
                                + " of processes, of which there were %d, each new; the runs against the two take turns. 95%% confidence interval of the median ratio:"
                                + " %.3f to %.3f for the rate, %.3f to %.3f for the processor time.",
                        ServerPairs.CONNECTIONS, pairs.size(), rate.low(), rate.high(), cpu.low(), cpu.high()));
        run.report()
                .bar(Bar.atLeast(
                        "lower end of the confidence interval of the throughput, against plain Netty",
                        0.98,
                        rate.low(),
                        "×"));
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
