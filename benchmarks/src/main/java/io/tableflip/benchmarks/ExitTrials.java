package io.tableflip.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** How long the old process stays after the commit. */
final class ExitTrials {
    private static final Map<StayingKind, Integer> CLIENTS = Map.of(StayingKind.IDLE, 200, StayingKind.SLOW, 8);
    private static final long PAUSE_MILLIS = 500;
    /** For a drain that takes all of it; the default if it is to mean something. */
    private static final String SHORT_MILLIS = "1000";

    private static final String DEFAULT_MILLIS = "30000";

    private ExitTrials() {}

    private record Trials(List<TransferringServer.Upgrade> upgrades, StayingRecord seen) {
        Sample seconds() {
            return Sample.of(upgrades.stream()
                    .mapToDouble(upgrade -> upgrade.exitMillis() / 1000)
                    .toArray());
        }
    }

    static void run(Run run, StayingDriver client) throws IOException, InterruptedException {
        Trials transferred = transferred(run, client);
        Trials drained = drained(run, client);
        Table table = run.report()
                .table(
                        "The old process after the commit",
                        "",
                        "upgrades",
                        "from the commit to its exit, s",
                        "connections",
                        "of them ended",
                        "requests lost, doubled, reordered or wrong")
                .note(String.format(
                        "200 idle clients, and 8 that ask for answers that take up to %d ms, one after the other. Where connections are transferred the clients are those of the first"
                                + " upgrade, else new ones for each. Drain timeout: the default, 30 s%s.",
                        StayingKind.LONGEST_ANSWER_MILLIS,
                        run.pick("; " + SHORT_MILLIS + " ms without transfer", "", "")));
        row(table, "DrainPolicy.TRANSFER", transferred);
        row(table, "DrainPolicy.HANDLERS", drained);
        run.report()
                .bar(Bar.atMost(
                        "exit of the old process after the commit, the longest",
                        2,
                        transferred.seconds().max(),
                        "s"));
    }

    private static void row(Table table, String name, Trials trials) {
        StayingRecord seen = trials.seen();
        table.row(
                name,
                trials.upgrades().size(),
                trials.seconds().text(2),
                seen.connections(),
                seen.ended(),
                seen.failures());
    }

    private static Trials transferred(Run run, StayingDriver client) throws IOException, InterruptedException {
        List<TransferringServer.Upgrade> upgrades = new ArrayList<>();
        int count = run.pick(1, 3, 10);
        try (TransferringServer server =
                TransferringServer.start(run.newDirectory("exit"), TransferServer.TRANSFER, TransferServer.NUMBERED)) {
            client.begin(server.address().getPort(), CLIENTS);
            for (int upgrade = 0; upgrade < count; upgrade++) {
                upgrades.add(upgrade(server));
                run.progress(() -> "exits after a transfer: " + upgrades.size() + " of " + count);
            }
            return new Trials(upgrades, client.end());
        }
    }

    private static Trials drained(Run run, StayingDriver client) throws IOException, InterruptedException {
        List<TransferringServer.Upgrade> upgrades = new ArrayList<>();
        StayingRecord seen = StayingRecord.NOTHING;
        int count = run.pick(1, 1, 3);
        try (TransferringServer server = TransferringServer.start(
                run.newDirectory("exit"),
                TransferServer.NUMBERED,
                TransferServer.DRAIN_TIMEOUT,
                run.pick(SHORT_MILLIS, DEFAULT_MILLIS, DEFAULT_MILLIS))) {
            for (int upgrade = 0; upgrade < count; upgrade++) {
                client.begin(server.address().getPort(), CLIENTS);
                upgrades.add(upgrade(server));
                seen = seen.plus(client.end());
                run.progress(() -> "exits after a drain: " + upgrades.size() + " of " + count);
            }
        }
        return new Trials(upgrades, seen);
    }

    private static TransferringServer.Upgrade upgrade(TransferringServer server)
            throws IOException, InterruptedException {
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        return server.upgrade();
    }
}
