package io.tableflip.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** What the transfer of idle connections costs, by their number. */
final class TransferGrowth {
    private static final int MOST = 15_000;
    private static final int TENTH = 1_500;
    private static final int AIMED_AT = 10_000;

    private TransferGrowth() {}

    /** The transfers of so many. */
    private record Transfers(int size, List<TransferringServer.Upgrade> done) {
        Sample millis() {
            return sample(TransferringServer.Upgrade::transferMillis);
        }

        Sample cpuMillis() {
            return sample(TransferringServer.Upgrade::cpuMillis);
        }

        private Sample sample(ToDoubleFunction<TransferringServer.Upgrade> value) {
            return Sample.of(done.stream().mapToDouble(value).toArray());
        }

        /** Microseconds of processor time. */
        double eachCpu(Transfers base) {
            return (cpuMillis().median() - base.cpuMillis().median()) * 1000 / (size - base.size);
        }

        /** Microseconds. */
        double each(Transfers base) {
            return (millis().median() - base.millis().median()) * 1000 / (size - base.size);
        }
    }

    static void run(Run run) throws IOException, InterruptedException {
        List<Integer> most = List.of(10, TENTH, AIMED_AT, MOST);
        List<Transfers> all = run.pick(List.of(10, 100), most, most).stream()
                .map(size -> new Transfers(size, new ArrayList<>()))
                .toList();
        int repeats = run.pick(1, 3, 7);
        try (TransferringServer server =
                TransferringServer.start(run.newDirectory("growth"), TransferServer.TRANSFER)) {
            server.upgrade(); // then the old process is one that has warmed up, too
            for (int repeat = 0; repeat < repeats; repeat++) {
                for (Transfers transfers : all) {
                    transfers.done().add(transfer(server, transfers.size()));
                }
                int done = repeat + 1;
                run.progress(() -> "transfers: " + done + " of " + repeats);
            }
        }
        report(run.report(), all);
    }

    private static TransferringServer.Upgrade transfer(TransferringServer server, int size)
            throws IOException, InterruptedException {
        TransferringServer.Upgrade upgrade;
        try (IdleConnections clients = IdleConnections.make(server.address(), size)) {
            upgrade = server.upgrade();
            clients.askAgain();
        }
        if (upgrade.transferred() != size || upgrade.total() != size) {
            throw new BenchmarkException(
                    upgrade.transferred() + " of " + upgrade.total() + " connections were transferred, not " + size);
        }
        server.awaitFewConnections();
        return upgrade;
    }

    private static void report(Report report, List<Transfers> all) {
        Transfers base = all.get(0);
        Table table = report.table(
                        "Transfer of idle connections",
                        "connections",
                        "from the commit to the last one, ms",
                        "CPU of both processes, ms",
                        "CPU a connection, µs")
                .note(
                        "HTTP/1.1 connections that have had one answer each, and get one more after the upgrade. The new process has warmed up. The last one: when it is"
                                + " active in the new process. CPU: of the old process from its last accept to the end of its drain, of the new one from the end"
                                + " of its warm-up to the exit of the old one, in steps of 10 ms; for a connection less what "
                                + base.size() + " take.");
        for (Transfers transfers : all) {
            table.row(
                    transfers.size(),
                    transfers.millis().text(0),
                    transfers.cpuMillis().text(0),
                    transfers.size() == base.size() ? "" : String.format("%.0f", transfers.eachCpu(base)));
        }
        bars(report, all, base);
    }

    private static void bars(Report report, List<Transfers> all, Transfers base) {
        for (Transfers transfers : all) {
            if (transfers.size() == AIMED_AT) {
                report.bar(Bar.atMost(
                        "transfer of 10,000 idle connections",
                        1000,
                        transfers.millis().median(),
                        "ms"));
                report.bar(Bar.atMost(
                        "CPU of the transfer of 10,000 idle connections, each", 60, transfers.eachCpu(base), "µs"));
            }
            if (transfers.size() == MOST) {
                Transfers tenth = all.stream()
                        .filter(other -> other.size() == TENTH)
                        .findFirst()
                        .orElseThrow();
                report.bar(Bar.atMost(
                        "CPU of the transfer of a connection, 15,000 against 1,500",
                        1.5,
                        transfers.eachCpu(base) / Math.max(1, tenth.eachCpu(base)),
                        "×"));
                report.bar(Bar.atMost(
                        "time of the transfer of a connection, 15,000 against 1,500",
                        1.5,
                        transfers.each(base) / Math.max(1, tenth.each(base)),
                        "×"));
            }
        }
    }
}
