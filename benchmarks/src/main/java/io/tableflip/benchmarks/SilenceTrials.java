package io.tableflip.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The longest time that busy clients hear nothing while their connections are transferred. */
final class SilenceTrials {
    private static final int CLIENTS = 20;
    private static final int IDLE = 10_000;
    /** What an upgrade may leave behind belongs to it. */
    private static final long AFTERMATH = TimeUnit.MILLISECONDS.toNanos(500);

    private static final long PAUSE_MILLIS = 1_500;

    private SilenceTrials() {}

    /**
     * One upgrade; times on the scale of {@link System#nanoTime}.
     *
     * @param quietFrom when a time of the same length without an upgrade began
     */
    private record Trial(TransferringServer.Upgrade upgrade, long quietFrom) {
        long end() {
            return upgrade.gone() + AFTERMATH;
        }

        long length() {
            return end() - upgrade.signal();
        }
    }

    /** Upgrades with so many idle connections beside the busy ones. */
    private record Trials(int idle, List<Trial> done, StayingRecord seen) {
        Sample whole() {
            return sample(trial -> new long[] {trial.upgrade().signal(), trial.end()});
        }

        Sample transfer() {
            return sample(trial -> new long[] {trial.upgrade().committed(), trial.end()});
        }

        Sample quiet() {
            return sample(trial -> new long[] {trial.quietFrom(), trial.quietFrom() + trial.length()});
        }

        private Sample sample(Window window) {
            return Sample.of(done.stream()
                    .mapToDouble(trial -> {
                        long[] times = window.of(trial);
                        return seen.longestWait(times[0], times[1]) / 1e6;
                    })
                    .toArray());
        }
    }

    private interface Window {
        long[] of(Trial trial);
    }

    static void run(Run run, StayingDriver client) throws IOException, InterruptedException {
        List<Trials> all = new ArrayList<>();
        for (int idle : run.pick(List.of(50), List.of(0, IDLE), List.of(0, IDLE))) {
            all.add(trials(run, client, idle));
        }
        report(run.report(), client.priority(), all);
    }

    private static Trials trials(Run run, StayingDriver client, int idle) throws IOException, InterruptedException {
        int upgrades = run.pick(1, 3, 10);
        List<Trial> done = new ArrayList<>();
        try (TransferringServer server = TransferringServer.start(
                        run.newDirectory("silence"),
                        TransferServer.TRANSFER,
                        TransferServer.NUMBERED,
                        TransferServer.IDLE_BOOT);
                IdleConnections clients = IdleConnections.make(server.address(), idle)) {
            client.begin(server.address().getPort(), Map.of(StayingKind.BUSY, CLIENTS));
            for (int upgrade = 0; upgrade < upgrades; upgrade++) {
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
                Trial trial =
                        new Trial(server.upgrade(), System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS));
                TimeUnit.NANOSECONDS.sleep(trial.quietFrom() + trial.length() - System.nanoTime());
                done.add(trial);
                run.progress(() -> "silence beside " + idle + " idle connections: " + done.size() + " of " + upgrades);
            }
            StayingRecord seen = client.end();
            clients.askAgain();
            return new Trials(idle, done, seen);
        }
    }

    private static void report(Report report, String priority, List<Trials> all) {
        Table table = report.table(
                        "Longest silence of a busy client",
                        "idle connections beside",
                        "during an upgrade, ms",
                        "from the commit on, ms",
                        "without an upgrade, ms",
                        "transferred",
                        "connections ended",
                        "requests lost, doubled, reordered or wrong")
                .note(CLIENTS
                        + " clients, each of which sends its next request 10 ms after an answer. Silence: from a request to its answer, the longest of all clients in an upgrade, from"
                        + " the signal to half a second after the exit of the old process; without an upgrade: the same clients in a time of the same length between two"
                        + " upgrades. Transferred: of all upgrades together. " + priority);
        for (Trials trials : all) {
            StayingRecord seen = trials.seen();
            table.row(
                    trials.idle(),
                    trials.whole().text(1),
                    trials.transfer().text(1),
                    trials.quiet().text(1),
                    trials.done().stream()
                            .mapToLong(trial -> trial.upgrade().transferred())
                            .sum(),
                    seen.ended(),
                    seen.failures());
            report.bar(Bar.atMost(
                    "longest silence in an upgrade, of " + CLIENTS + " busy clients beside " + trials.idle()
                            + " idle ones",
                    100,
                    trials.whole().median(),
                    "ms"));
        }
    }
}
