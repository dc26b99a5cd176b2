package io.tableflip.benchmarks;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Upgrades with clients that never reconnect: ours beside the peers. */
final class StayingTrials {
    private static final Map<StayingKind, Integer> CLIENTS =
            Map.of(StayingKind.BUSY, 8, StayingKind.PIPELINING, 8, StayingKind.HALVES, 8, StayingKind.IDLE, 200);
    private static final Map<StayingKind, Integer> FEW_CLIENTS =
            Map.of(StayingKind.BUSY, 2, StayingKind.PIPELINING, 2, StayingKind.HALVES, 2, StayingKind.IDLE, 10);

    /** From the end of an upgrade to the next one, and to the end. */
    private static final long DISTANCE_MILLIS = 1_000;

    private StayingTrials() {}

    static void run(Run run, StayingDriver client) throws IOException, InterruptedException {
        Map<String, StayingRecord> seen = new LinkedHashMap<>();
        int upgrades = run.pick(1, 5, 20);
        try (SignalShell shell = new SignalShell()) {
            for (Contender contender : Rounds.present(run, Contenders.numbered(() -> run.newDirectory("go")))) {
                run.progress(contender::name);
                try (ContenderServer server =
                        ContenderServer.start(contender, run.newDirectory("connections"), shell)) {
                    seen.put(contender.name(), trial(run, server, client, upgrades));
                }
            }
        }
        report(run.report(), upgrades, seen);
    }

    private static StayingRecord trial(Run run, ContenderServer server, StayingDriver client, int upgrades)
            throws IOException, InterruptedException {
        Map<StayingKind, Integer> clients = run.pick(FEW_CLIENTS, CLIENTS, CLIENTS);
        StayingRecord all = StayingRecord.NOTHING;
        client.begin(server.port(), clients);
        for (int upgrade = 0; upgrade < upgrades; upgrade++) {
            if (client.open() == 0) { // nobody is left who could notice the next one
                all = all.plus(client.end());
                client.begin(server.port(), clients);
            }
            TimeUnit.MILLISECONDS.sleep(DISTANCE_MILLIS);
            server.upgrade();
        }
        TimeUnit.MILLISECONDS.sleep(DISTANCE_MILLIS);
        return all.plus(client.end());
    }

    private static void report(Report report, int upgrades, Map<String, StayingRecord> seen) {
        Table table = report.table(
                        "Upgrades with clients that never reconnect",
                        "",
                        "upgrades",
                        "connections",
                        "of them ended",
                        "requests",
                        "lost (of them pipelined behind a close)",
                        "doubled",
                        "reordered",
                        "wrong")
                .note(
                        "8 connections of each kind that are busy, that pipeline, and that send heads in two halves half a second apart, and 200 that are idle and send a request at"
                                + " the end. Each answer has the number of its request. Ended: closed by the server, or announced to be. Lost: without an answer; behind a close"
                                + " are requests that were pipelined behind one whose answer says `Connection: close`, and may be sent again on another connection. Wrong: an error, or no"
                                + " HTTP. When no connection is left, new clients connect before the next upgrade.");
        seen.forEach((name, record) -> table.row(
                name,
                upgrades,
                record.connections(),
                record.ended(),
                record.requests(),
                record.lost() + " (" + record.lostBehindClose() + ")",
                record.doubled(),
                record.reordered(),
                record.wrong()));
        StayingRecord ours = seen.getOrDefault(Contenders.OURS_TRANSFER, StayingRecord.NOTHING);
        String what = "clients that never reconnect, " + Contenders.OURS_TRANSFER + ": ";
        report.bar(Bar.atMost(what + "connections ended", 0, (double) ours.ended(), null));
        report.bar(Bar.atMost(
                what + "requests lost, doubled, reordered or answered wrongly", 0, (double) ours.failures(), null));
    }
}
