package io.tableflip.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * One contender under load: a few upgrades of a server that was started for it.
 *
 * @param marks the upgrades
 * @param load what the client saw
 * @param peakKilobytes the memory of all processes together
 */
record LoadTrial(List<ContenderServer.Mark> marks, LoadRecord load, long peakKilobytes) {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long AFTER_UPGRADE = TimeUnit.MILLISECONDS.toNanos(1_200);

    /**
     * How long things last.
     *
     * @param warming the load before anything counts
     * @param steady the load before the first upgrade
     * @param distance from one upgrade to the next, and from the last one to the end
     */
    record Times(Duration warming, Duration steady, Duration distance) {}

    /**
     * What the client sends in a second.
     *
     * @param kept on the connections that are kept
     * @param fresh on new ones
     */
    record Rates(int kept, int fresh) {}

    static LoadTrial run(ContenderServer server, LoadGenerator client, Rates rates, int upgrades, Times times)
            throws IOException, InterruptedException {
        client.warm(server.port(), rates, times.warming());
        try (MemoryWatch memory = new MemoryWatch(server::pids)) {
            long next = System.nanoTime() + times.steady().toNanos();
            client.begin(server.port(), rates);
            long enough = next + 2L * upgrades * times.distance().toNanos();
            List<ContenderServer.Mark> marks = new ArrayList<>();
            while (marks.size() < upgrades && next < enough) {
                sleepUntil(next);
                ContenderServer.Mark mark = server.upgrade();
                marks.add(mark);
                // One that has taken longer than the distance does not run into the next one.
                next = Math.max(mark.nanos() + times.distance().toNanos(), System.nanoTime() + AFTER_UPGRADE);
            }
            sleepUntil(next);
            return new LoadTrial(marks, client.end(), memory.peakKilobytes());
        }
    }

    private static void sleepUntil(long nanos) throws InterruptedException {
        TimeUnit.NANOSECONDS.sleep(nanos - System.nanoTime());
    }

    /** Of each upgrade, how long after it began the first answer of a new process came; empty if none ever came. */
    List<OptionalLong> firstAnswers() {
        return marks.stream().map(this::firstAnswer).toList();
    }

    /** When the upgrades were asked for, on the clock of the outcomes. */
    LongStream signals() {
        return marks.stream().mapToLong(ContenderServer.Mark::nanos);
    }

    /** When the first answer of each new process came, on the same clock. */
    LongStream takeovers() {
        return marks.stream().flatMapToLong(mark -> firstAnswer(mark).stream().map(nanos -> mark.nanos() + nanos));
    }

    private OptionalLong firstAnswer(ContenderServer.Mark mark) {
        return load.outcomes()
                .filter(Outcome::isAnswered)
                .filter(outcome -> !mark.before().contains(outcome.pid()))
                .mapToLong(outcome -> answeredAt(outcome) - mark.nanos())
                .filter(nanos -> nanos > 0)
                .min();
    }

    /** What was answered before the first upgrade. */
    Stream<Outcome> steady() {
        long first = marks.get(0).nanos();
        return answered().filter(outcome -> answeredAt(outcome) < first);
    }

    /** What was to be sent within a second of the beginning of an upgrade, and was answered. */
    Stream<Outcome> duringUpgrades() {
        return marks.stream().flatMap(mark -> within(mark.nanos()));
    }

    /** What was to be sent within a second of the first answer of a new process, and was answered. */
    Stream<Outcome> afterFirstAnswers() {
        return marks.stream()
                .flatMap(mark -> firstAnswer(mark).stream().boxed().flatMap(nanos -> within(mark.nanos() + nanos)));
    }

    /** Of each upgrade, the first answers of the new process, or of the new processes together. */
    Stream<Outcome> firstOfNew(int count) {
        return IntStream.range(0, marks.size()).boxed().flatMap(i -> {
            ContenderServer.Mark mark = marks.get(i);
            return answered()
                    .filter(outcome -> !mark.before().contains(outcome.pid()))
                    .filter(outcome -> answeredAt(outcome) > mark.nanos())
                    .filter(outcome ->
                            i == marks.size() - 1 || marks.get(i + 1).before().contains(outcome.pid()))
                    .sorted(Comparator.comparingLong(LoadTrial::answeredAt))
                    .limit(count);
        });
    }

    private static long answeredAt(Outcome outcome) {
        return outcome.intendedNanos() + outcome.latencyNanos();
    }

    private Stream<Outcome> within(long from) {
        return answered().filter(outcome -> outcome.intendedNanos() >= from && outcome.intendedNanos() < from + SECOND);
    }

    private Stream<Outcome> answered() {
        return load.outcomes().filter(Outcome::isAnswered);
    }
}
