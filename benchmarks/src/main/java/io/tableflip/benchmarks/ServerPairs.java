package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The same load on two servers, which differ in one thing: pairs of processes, each new, against which runs
 * of wrk take turns.
 */
final class ServerPairs {
    static final int CONNECTIONS = 32;

    private static final Pattern LISTENING = Pattern.compile("listening on 127.0.0.1:(\\d+)\\s");

    private final List<Measured> first = new ArrayList<>();
    private final List<Measured> second = new ArrayList<>();

    /** Starts a server that says where it listens. */
    interface Start {
        Program in(Path directory) throws IOException;
    }

    /**
     * One process.
     *
     * @param rate requests a second
     * @param p99Millis the median of those of its runs
     * @param cpuMicros processor time of the server for a request
     */
    record Measured(double rate, double p99Millis, double cpuMicros) {}

    private ServerPairs() {}

    /** @param name for the progress */
    static ServerPairs measure(Run run, String name, Path wrk, Start first, Start second)
            throws IOException, InterruptedException {
        ServerPairs pairs = new ServerPairs();
        int launches = run.pick(1, 3, 16);
        for (int launch = 0; launch < launches; launch++) {
            int done = launch + 1;
            pairs.measure(run, wrk, first, second);
            run.progress(() -> name + ": " + done + " of " + launches + " pairs of processes");
        }
        return pairs;
    }

    /** With a new process of each, since each compiles its code in its own way. */
    private void measure(Run run, Path wrk, Start one, Start other) throws IOException, InterruptedException {
        int turns = run.pick(1, 2, 4);
        int seconds = run.pick(1, 1, 2);
        int warming = run.pick(1, 2, 5);
        try (Program oneServer = one.in(run.newDirectory("first"));
                Program otherServer = other.in(run.newDirectory("second"))) {
            Runs oneRuns = new Runs(wrk, oneServer);
            Runs otherRuns = new Runs(wrk, otherServer);
            for (int i = 0; i < 2; i++) { // compiles
                Wrk.run(wrk, oneRuns.port, CONNECTIONS, warming);
                Wrk.run(wrk, otherRuns.port, CONNECTIONS, warming);
            }
            for (int i = 0; i < turns; i++) {
                // first one, then the other: what comes second is not always the same
                (i % 2 == 0 ? oneRuns : otherRuns).once(seconds);
                (i % 2 == 0 ? otherRuns : oneRuns).once(seconds);
            }
            first.add(oneRuns.measured());
            second.add(otherRuns.measured());
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

    int size() {
        return first.size();
    }

    /** Name, rate, p99 and processor time of the first server. */
    Object[] firstRow(String name) {
        return row(name, first);
    }

    /** As {@link #firstRow}. */
    Object[] secondRow(String name) {
        return row(name, second);
    }

    private static Object[] row(String name, List<Measured> all) {
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

    /** The second to the first one, of each pair of processes. */
    Sample ratio(ToDoubleFunction<Measured> value) {
        return Sample.of(IntStream.range(0, size())
                .mapToDouble(i -> value.applyAsDouble(second.get(i)) / value.applyAsDouble(first.get(i)))
                .toArray());
    }

    /** The second less the first one, of each pair of processes. */
    Sample difference(ToDoubleFunction<Measured> value) {
        return Sample.of(IntStream.range(0, size())
                .mapToDouble(i -> value.applyAsDouble(second.get(i)) - value.applyAsDouble(first.get(i)))
                .toArray());
    }
}
