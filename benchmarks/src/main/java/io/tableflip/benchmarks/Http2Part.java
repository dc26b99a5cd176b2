package io.tableflip.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Upgrades under a load of HTTP/2 over TLS, ours beside the peers. */
final class Http2Part implements Part {
    static final Duration SHORT_WARM_UP = Duration.ofMillis(500);

    @Override
    public String name() {
        return "h2";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        Certificate certificate = Certificate.make(run.newDirectory("certificate"));
        List<Contender> contenders = Http2Contenders.all(certificate, warmUp(run), () -> run.newDirectory("go"));
        try (SignalShell shell = new SignalShell();
                Http2Probe probe = new Http2Probe()) {
            report(
                    run,
                    Rounds.run(run, contenders, run.pick(1, 1, 5), contender -> trial(run, contender, shell, probe)));
        }
    }

    private static LoadTrial trial(Run run, Contender contender, SignalShell shell, Http2Probe probe)
            throws IOException, InterruptedException {
        LoadTrial.Times times = new LoadTrial.Times(
                Duration.ofMillis(run.pick(200, 1_500, 6_000)),
                Duration.ofMillis(run.pick(200, 1_000, 5_000)),
                Duration.ofMillis(run.pick(1_200, 1_600, 3_000)));
        try (ContenderServer server = ContenderServer.start(contender, run.newDirectory("h2"), shell, probe);
                Http2Generator client = new Http2Generator()) {
            return LoadTrial.run(server, client, rates(run), run.pick(1, 1, 4), times);
        }
    }

    /** In a quick run the warm-up has to be quick too. */
    private static Duration warmUp(Run run) {
        return run.pick(SHORT_WARM_UP, Duration.ofSeconds(2), Duration.ofSeconds(5));
    }

    private static LoadTrial.Rates rates(Run run) {
        return new LoadTrial.Rates(run.pick(100, 500, 500), 0);
    }

    private static void report(Run run, Map<String, List<LoadTrial>> trials) {
        Table table = run.report()
                .table(
                        "Upgrades under HTTP/2 over TLS: failures, and latency as p50 / p99 / p99.9 / max (ms)",
                        "",
                        "upgrades",
                        "requests",
                        "failed",
                        "idle EOFs",
                        "steady",
                        "within 1 s of the signal",
                        "within 1 s of the first new answer",
                        "signal to first new answer (ms)",
                        "client's own lateness, max")
                .note(note(run));
        trials.forEach((name, list) -> {
            LoadFigures figures = LoadFigures.of(list);
            table.row(
                    name,
                    figures.upgrades(),
                    figures.requests(),
                    figures.keptFailures(),
                    figures.idleEofs(),
                    figures.latencies(LoadTrial::steady),
                    figures.latencies(LoadTrial::duringUpgrades),
                    figures.latencies(LoadTrial::afterFirstAnswers),
                    figures.firstAnswer(),
                    String.format("%.1f", figures.slipMillis()));
        });
        bars(run.report(), trials);
    }

    private static String note(Run run) {
        return String.format(
                "%d requests/s on %d connections that were made before, each a stream of its own. Open loop, nothing tried again. After a GOAWAY the client"
                        + " lets the streams run that it has opened, opens later ones on a new connection, and closes the old one when its streams have ended. A stream"
                        + " has failed if it was sent and not answered, whatever the server says of it; one that waited for a new connection, if that could not be made. Refused: left out"
                        + " by a GOAWAY, or REFUSED_STREAM, so that a client may ask anew without a risk, which this one does not; or nobody listened. Idle EOF: the server has closed a"
                        + " connection with no stream under way, before the client could: no failure. TLS is the JDK's in the client and in the servers in Java, else the peer's"
                        + " own. Each upgrade costs %d handshakes at nearly one time, which are contained in the latencies, and so is what they cost the client: it has one thread, in the process of the benchmark, and shares the"
                        + " processors with the servers (its lateness is in the last column, in ms). The new process boots and warms up in the time that nobody else wants, and the old one asks its clients to leave over half a second, as the example server does; the warm-up takes %d ms at most; cold: without all that. Otherwise as under HTTP/1.1.",
                rates(run).kept(),
                Http2Generator.CONNECTIONS,
                Http2Generator.CONNECTIONS,
                warmUp(run).toMillis());
    }

    private static void bars(Report report, Map<String, List<LoadTrial>> trials) {
        for (String name : List.of(Contenders.OURS, Contenders.OURS_COLD)) {
            LoadFigures figures = LoadFigures.of(trials.getOrDefault(name, List.of()));
            report.bar(Bar.atMost("h2 over TLS, " + name + ": failures", 0, (double) figures.failed(), null));
        }
    }
}
