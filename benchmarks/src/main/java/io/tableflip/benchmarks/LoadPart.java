package io.tableflip.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;

/** Upgrades under load: what clients see of them, ours beside the peers. */
final class LoadPart implements Part {
    private static final String WINDOW_SIGNAL = "within 1 s of the signal";
    private static final String WINDOW_ANSWER = "within 1 s of the first new answer";

    @Override
    public String name() {
        return "load";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        List<Contender> contenders = Contenders.all(() -> run.newDirectory("go"));
        try (LoadDriver client = LoadDriver.start(run.newDirectory("client"));
                SignalShell shell = new SignalShell()) {
            report(
                    run,
                    client.priority(),
                    Rounds.run(run, contenders, run.pick(1, 2, 5), contender -> trial(run, contender, client, shell)));
        }
    }

    private static LoadTrial trial(Run run, Contender contender, LoadDriver client, SignalShell shell)
            throws IOException, InterruptedException {
        LoadTrial.Times times = new LoadTrial.Times(
                Duration.ofMillis(run.pick(200, 2_000, 6_000)),
                Duration.ofMillis(run.pick(300, 1_000, 5_000)),
                Duration.ofMillis(run.pick(1_200, 1_600, 3_000)));
        try (ContenderServer server = ContenderServer.start(contender, run.newDirectory("load"), shell)) {
            return LoadTrial.run(server, client, rates(run), run.pick(1, 2, 4), times);
        }
    }

    /** What was aimed at. When it only has to be seen to work, a busy machine is to keep up too. */
    private static LoadTrial.Rates rates(Run run) {
        LoadTrial.Rates rates = new LoadTrial.Rates(2_000, 500);
        return run.pick(new LoadTrial.Rates(200, 50), rates, rates);
    }

    private static void report(Run run, String priority, Map<String, List<LoadTrial>> trials) {
        Report report = run.report();
        Table failures = failureTable(report, rates(run));
        Table latencies = latencyTable(report, priority);
        trials.forEach((name, list) -> {
            LoadFigures figures = LoadFigures.of(list);
            failures.row(
                    name,
                    figures.upgrades(),
                    figures.requests(),
                    figures.keptFailures(),
                    figures.freshFailures(),
                    figures.idleEofs(),
                    figures.firstAnswer(),
                    figures.peakMegabytes());
            latencies.row(
                    name,
                    figures.latencies(LoadTrial::steady),
                    figures.latencies(LoadTrial::duringUpgrades),
                    figures.ratio(LoadTrial::duringUpgrades),
                    figures.latencies(LoadTrial::afterFirstAnswers),
                    figures.ratio(LoadTrial::afterFirstAnswers),
                    figures.latencies(LoadPart::firstOfNew),
                    figures.ratio(LoadPart::firstOfNew),
                    String.format("%.1f", figures.slipMillis()));
        });
        bars(report, trials);
        report.picture("load", LoadPicture.draw(trials));
    }

    private static Table failureTable(Report report, LoadTrial.Rates rates) {
        return report.table(
                        "Upgrades under load: failures",
                        "",
                        "upgrades",
                        "requests",
                        "failed, keep-alive",
                        "failed, new connections",
                        "idle EOFs",
                        "signal to first new answer (ms)",
                        "peak memory (MB)")
                .note(String.format(
                        "%d requests/s on %d kept connections and %d/s on new ones, open loop, nothing tried again. An idle EOF is a connection that the"
                                + " server closed while no request was under way: no failure. The signal of HAProxy's -x -sf and of SO_REUSEPORT is the start of"
                                + " the new process. First new answer: median (least to greatest). Memory: of all processes of the server together (Pss), looked"
                                + " at every 200 ms, the highest of all rounds. A server whose upgrades take"
                                + " more than twice the time that they are to be apart gets fewer.",
                        rates.kept(), LoadClient.CONNECTIONS, rates.fresh()));
    }

    private static Table latencyTable(Report report, String priority) {
        return report.table(
                        "Upgrades under load: latency, p50 / p99 / p99.9 / max (ms)",
                        "",
                        "steady",
                        WINDOW_SIGNAL,
                        "p99 × steady",
                        WINDOW_ANSWER,
                        "p99 × steady",
                        "first 1,000 answers of a new process",
                        "p99 × steady",
                        "client's own lateness, max")
                .note(
                        "From the intended time of sending, of answered requests of both kinds. Steady: before the first upgrade of each server, by the process that"
                                + " was started first. × steady: median (least to greatest) of the rounds, of which each has"
                                + " servers of its own; the bars take"
                                + " the same medians. " + priority);
    }

    private static Stream<Outcome> firstOfNew(LoadTrial trial) {
        return trial.firstOfNew(1_000);
    }

    private static void bars(Report report, Map<String, List<LoadTrial>> trials) {
        for (String name : List.of(Contenders.OURS, Contenders.OURS_NORMAL, Contenders.OURS_COLD)) {
            LoadFigures figures = LoadFigures.of(trials.getOrDefault(name, List.of()));
            String what = "load, " + name + ": ";
            report.bar(Bar.atMost(what + "failures", 0, (double) figures.failed(), null));
            bars(report, figures, what, WINDOW_SIGNAL, LoadTrial::duringUpgrades);
            bars(report, figures, what, WINDOW_ANSWER, LoadTrial::afterFirstAnswers);
            report.bar(Bar.atMost(
                    what + "p99 of the first 1,000 answers of a new process",
                    2,
                    figures.ratios(LoadPart::firstOfNew, 0.99).median(),
                    "× steady"));
        }
    }

    private static void bars(
            Report report, LoadFigures figures, String what, String window, Function<LoadTrial, Stream<Outcome>> part) {
        report.bar(Bar.atMost(
                what + "p99 " + window, 1.5, figures.ratios(part, 0.99).median(), "× steady"));
        report.bar(Bar.atMost(
                what + "p99.9 " + window, 3, figures.ratios(part, 0.999).median(), "× steady"));
    }
}
