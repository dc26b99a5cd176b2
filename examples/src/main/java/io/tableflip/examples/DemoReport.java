package io.tableflip.examples;

import java.io.PrintStream;
import java.time.Duration;
import java.util.List;

/** Prints how the demo went. */
final class DemoReport {
    private final PrintStream out;
    private final LoadResult result;
    private final List<DemoUpgrade> upgrades;
    private final long warm;

    /** @param warm when both sides had warmed up; what was before that belongs to no upgrade and to no steady state */
    DemoReport(PrintStream out, LoadResult result, List<DemoUpgrade> upgrades, long warm) {
        this.out = out;
        this.result = result;
        this.upgrades = upgrades;
        this.warm = warm;
    }

    void print(int width) {
        out.println();
        out.println(
                "   upgrade                     decided after  old process gone  latency meanwhile: p50 / p99 / max");
        for (int i = 0; i < upgrades.size(); i++) {
            DemoUpgrade upgrade = upgrades.get(i);
            String gone = upgrade.end() == upgrade.decided() ? "serves on" : Durations.millis(upgrade.untilEnd());
            out.printf(
                    "%d  %-29s %11s  %16s  %s%n",
                    i + 1,
                    upgrade.title(),
                    Durations.millis(upgrade.untilDecided()),
                    gone,
                    result.latencies(upgrade::contains));
        }
        out.println();
        new LoadReport(out).print(result);
        out.println();
        out.println("latency          p50 / p99 / max");
        row("between upgrades", result.latencies(sample -> sample.intendedNanos() - warm > 0 && !isDuring(sample)));
        row("during upgrades", result.latencies(this::isDuring));
        Duration warming = Duration.ofNanos(warm - result.startNanos());
        out.println("(without the first " + warming.toSeconds() + " s, in which the JVMs warmed up)");
        out.println();
        out.println("The highest latency of each moment:");
        new Timeline(result, width).draw(upgrades).forEach(out::println);
    }

    private void row(String name, LoadResult.Latencies latencies) {
        out.printf("%-16s %s%n", name, latencies);
    }

    private boolean isDuring(LoadSample sample) {
        return upgrades.stream().anyMatch(upgrade -> upgrade.contains(sample));
    }
}
