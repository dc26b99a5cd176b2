package io.tableflip.examples;

import java.io.PrintStream;
import java.util.Map;
import java.util.stream.Collectors;

/** Prints what a load has seen. */
final class LoadReport {
    private final PrintStream out;

    LoadReport(PrintStream out) {
        this.out = out;
    }

    void print(LoadResult result) {
        LoadCounts counts = result.counts();
        double seconds = (result.endNanos() - result.startNanos()) / 1e9;
        row(
                "requests",
                String.format("%d in %.1f s (%.0f/s)", counts.requests(), seconds, counts.requests() / seconds));
        row("answered", Long.toString(counts.answered()));
        failures(result);
        row("latency", result.latencies() + " (p50 / p99 / max, from the intended time of sending)");
        row("", "in it, at most " + Durations.millis(result.slip()) + " of this client's own lateness");
        row(
                "connections",
                counts.connects() + " made, " + counts.told() + " ended by \"Connection: close\", " + counts.idleEofs()
                        + " closed by the server while idle");
        String servers = "answered by";
        for (Map.Entry<ServerId, Long> server : counts.byServer().entrySet()) {
            row(servers, server.getKey() + ": " + server.getValue());
            servers = "";
        }
    }

    /** The number of failures, by kind, and each in a sentence. */
    void failures(LoadResult result) {
        LoadCounts counts = result.counts();
        String byKind = counts.failures().entrySet().stream()
                .map(kind -> kind.getValue() + " " + kind.getKey().label())
                .collect(Collectors.joining(", ", ": ", ""));
        row("failed", counts.failed() + (counts.failed() == 0 ? "" : byKind));
        result.details().forEach(detail -> row("", detail));
    }

    private void row(String name, String value) {
        out.printf("%-12s %s%n", name, value);
    }
}
