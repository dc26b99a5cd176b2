package io.tableflip.examples;

import java.io.PrintStream;
import java.util.List;

/** Prints how the demo went. */
final class DemoReport {
    private final PrintStream out;
    private final LoadResult result;
    private final List<DemoUpgrade> upgrades;

    DemoReport(PrintStream out, LoadResult result, List<DemoUpgrade> upgrades) {
        this.out = out;
        this.result = result;
        this.upgrades = upgrades;
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
        out.println(
                "p50 / p99 / max   while no upgrade was under way: " + result.latencies(sample -> !isDuring(sample)));
        out.println("                  during upgrades:                " + result.latencies(this::isDuring));
        out.println();
        out.println("The highest latency of each moment:");
        new Timeline(result, width).draw(upgrades).forEach(out::println);
    }

    private boolean isDuring(LoadSample sample) {
        return upgrades.stream().anyMatch(upgrade -> upgrade.contains(sample));
    }
}
