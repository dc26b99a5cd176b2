package io.tableflip.benchmarks;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** Upgrades under a load of HTTP/2 over TLS. */
final class Http2Part implements Part {
    private static final Pattern LISTENING = Pattern.compile("listening on 127.0.0.1:(\\d+)\\s");
    private static final int CONNECTIONS = 32;

    @Override
    public String name() {
        return "h2";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        List<LoadTrial> trials = new ArrayList<>();
        int rate = run.pick(50, 500, 500);
        try (SignalShell shell = new SignalShell()) {
            for (int round = 0; round < run.pick(1, 1, 5); round++) {
                run.progress(() -> "HTTP/2 over TLS");
                trials.add(trial(run, rate, shell));
            }
        }
        LoadFigures figures = LoadFigures.of(trials);
        run.report()
                .table(
                        "Upgrades under HTTP/2 over TLS: latency, p50 / p99 / p99.9 / max (ms)",
                        "",
                        "upgrades",
                        "requests",
                        "failed",
                        "steady",
                        "within 1 s of the signal",
                        "within 1 s of the first new answer",
                        "signal to first new answer (ms)")
                .row(
                        "tableflip for Java",
                        figures.upgrades(),
                        figures.requests(),
                        figures.keptFailures(),
                        figures.latencies(LoadTrial::steady),
                        figures.latencies(LoadTrial::duringUpgrades),
                        figures.latencies(LoadTrial::afterFirstAnswers),
                        figures.firstAnswer())
                .note(String.format(
                        "%d requests/s on %d connections, each a stream of its own; the JDK's TLS on both sides, no warm-up. Steady contains the handshakes of all connections, which are made at once. Open loop, nothing tried again: a stream"
                                + " that is refused has failed.",
                        rate, CONNECTIONS));
        run.report().bar(Bar.atMost("h2 over TLS, tableflip for Java: failures", 0, (double) figures.failed(), null));
        run.report().leaveOut("HTTP/2 over TLS with the peers", "not written yet");
    }

    private static LoadTrial trial(Run run, int rate, SignalShell shell) throws IOException, InterruptedException {
        Path directory = run.newDirectory("h2");
        Certificate certificate = Certificate.make(directory);
        List<String> arguments = List.of(
                "0", directory.resolve("pid").toString(), certificate.keyStore().toString());
        List<String> command =
                Program.java(Path.of(System.getProperty("java.home")), List.of(), SecureServer.class, arguments);
        try (Program server = Program.start("h2", directory, command, environment -> {})) {
            InetSocketAddress address = new InetSocketAddress(
                    "127.0.0.1", Integer.parseInt(server.await(LISTENING).group(1)));
            try (Http2Load warming = Http2Load.start(address, rate, CONNECTIONS)) {
                TimeUnit.SECONDS.sleep(run.pick(1, 3, 10));
                warming.stop();
            }
            try (Http2Load load = Http2Load.start(address, rate, CONNECTIONS)) {
                TimeUnit.SECONDS.sleep(run.pick(1, 3, 5));
                List<ContenderServer.Mark> marks = new ArrayList<>();
                for (int i = 0; i < run.pick(1, 2, 4); i++) {
                    marks.add(upgrade(server, shell));
                    TimeUnit.SECONDS.sleep(run.pick(1, 3, 3));
                }
                Http2Load.Result seen = load.stop();
                return new LoadTrial(
                        marks,
                        new LoadRecord(
                                seen.outcomes(), List.of(), 0, 0, seen.slip().toNanos(), List.of()),
                        0);
            }
        }
    }

    private static ContenderServer.Mark upgrade(Program server, SignalShell shell)
            throws IOException, InterruptedException {
        server.await("the end of the parent", () -> server.pids().size() == 1);
        long old = server.pids().get(0);
        ContenderServer.Mark mark = new ContenderServer.Mark(System.nanoTime(), Set.of(old));
        shell.send("HUP", old);
        server.await("the end of the old process", () -> !server.pids().contains(old));
        return mark;
    }
}
