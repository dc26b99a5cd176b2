package io.tableflip.benchmarks;

import io.tableflip.examples.FailureKind;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What came of all trials of one contender. */
final class LoadFigures {
    private final List<LoadTrial> trials;

    private LoadFigures(List<LoadTrial> trials) {
        this.trials = List.copyOf(trials);
    }

    static LoadFigures of(List<LoadTrial> trials) {
        return new LoadFigures(trials);
    }

    int upgrades() {
        return trials.stream().mapToInt(trial -> trial.marks().size()).sum();
    }

    long requests() {
        return loads().mapToLong(load -> load.outcomes().count()).sum();
    }

    private Stream<LoadRecord> loads() {
        return trials.stream().map(LoadTrial::load);
    }

    /** Everything that failed: idle connections that broke, too. */
    long failed() {
        return loads().mapToLong(load -> load.idleBroken()
                        + load.outcomes()
                                .filter(outcome -> !outcome.isAnswered())
                                .count())
                .sum();
    }

    String keptFailures() {
        return kinds(LoadRecord::kept, loads().mapToLong(LoadRecord::idleBroken).sum());
    }

    String freshFailures() {
        return kinds(LoadRecord::fresh, 0);
    }

    private String kinds(Function<LoadRecord, List<Outcome>> which, long idleBroken) {
        Map<FailureKind, Long> kinds = new EnumMap<>(FailureKind.class);
        if (idleBroken > 0) {
            kinds.put(FailureKind.IDLE_BROKEN, idleBroken);
        }
        loads().map(which).flatMap(Collection::stream).forEach(outcome -> {
            FailureKind failure = outcome.failure();
            if (failure != null) {
                kinds.merge(failure, 1L, Long::sum);
            }
        });
        return kinds.isEmpty()
                ? "0"
                : kinds.entrySet().stream()
                        .map(kind -> kind.getValue() + " " + kind.getKey().label())
                        .collect(Collectors.joining(", "));
    }

    long idleEofs() {
        return loads().mapToLong(LoadRecord::idleEofs).sum();
    }

    /** The median, or 0 if no new process ever answered. */
    double firstAnswerMillis() {
        double[] millis = firstAnswers();
        return millis.length == 0 ? 0 : Sample.of(millis).median();
    }

    /** Median, least and greatest. */
    String firstAnswer() {
        double[] millis = firstAnswers();
        return millis.length == 0 ? "never" : Sample.of(millis).text(0);
    }

    private double[] firstAnswers() {
        return trials.stream()
                .flatMap(trial -> trial.firstAnswers().stream())
                .filter(OptionalLong::isPresent)
                .mapToDouble(nanos -> nanos.getAsLong() / 1e6)
                .toArray();
    }

    long peakMegabytes() {
        return trials.stream().mapToLong(LoadTrial::peakKilobytes).max().orElse(0) / 1024;
    }

    double slipMillis() {
        return loads().mapToLong(LoadRecord::slipNanos).max().orElse(0) / 1e6;
    }

    /** p50, p99, p99.9 and maximum of a part of the requests of all trials, in milliseconds. */
    String latencies(Function<LoadTrial, Stream<Outcome>> part) {
        double[] millis =
                trials.stream().flatMap(part).mapToDouble(LoadFigures::millis).toArray();
        if (millis.length == 0) {
            return "none";
        }
        Sample sample = Sample.of(millis);
        return Stream.of(0.5, 0.99, 0.999, 1.0)
                .map(share -> String.format(Locale.ROOT, "%.2f", sample.quantile(share)))
                .collect(Collectors.joining(" / "));
    }

    /** In each trial, a quantile of a part of its requests as a multiple of the same one before the first upgrade. */
    Sample ratios(Function<LoadTrial, Stream<Outcome>> part, double share) {
        return Sample.of(trials.stream()
                .mapToDouble(trial -> quantile(part.apply(trial), share) / quantile(trial.steady(), share))
                .toArray());
    }

    /** That of p99: median, least and greatest. */
    String ratio(Function<LoadTrial, Stream<Outcome>> part) {
        return ratios(part, 0.99).text(1);
    }

    /** In milliseconds; not a number if there are none. */
    static double quantile(Stream<Outcome> outcomes, double share) {
        double[] millis = outcomes.mapToDouble(LoadFigures::millis).toArray();
        return millis.length == 0 ? Double.NaN : Sample.of(millis).quantile(share);
    }

    private static double millis(Outcome outcome) {
        return outcome.latencyNanos() / 1e6;
    }
}
