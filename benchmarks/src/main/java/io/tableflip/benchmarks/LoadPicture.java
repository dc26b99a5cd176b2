package io.tableflip.benchmarks;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Draws what an upgrade does to latency: a panel for each contender, all to the same scales. A panel has two strips of time, around the signal and around
 * the first answer of the new process: how long it takes from one to the other differs by a thousand.
 */
final class LoadPicture {
    private static final int COLUMNS = 2;
    private static final int STRIP_WIDTH = 192;
    private static final int STRIP_GAP = 16;
    private static final int PANEL_WIDTH = 2 * STRIP_WIDTH + STRIP_GAP;
    private static final int PANEL_HEIGHT = 130;
    private static final int LEFT = 52;
    private static final int TOP = 104;
    private static final int GAP_X = 64;
    private static final int GAP_Y = 64;
    private static final double LOWEST_MILLIS = 0.1;

    private final double highestMillis;
    private final Svg svg;
    /** Of the panel, or the strip, that is being drawn. */
    private double left;

    private double top;

    private LoadPicture(int panels, double highestMillis) {
        this.highestMillis = highestMillis;
        int rows = (panels + COLUMNS - 1) / COLUMNS;
        svg = new Svg(
                LEFT + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * GAP_X + 12,
                TOP + rows * (PANEL_HEIGHT + GAP_Y),
                "What an upgrade does to latency");
    }

    /**
     * What is drawn of a contender.
     *
     * @param failed failures of the whole load
     * @param answerMillis when the first answer of a new process came, after the signal; the median
     */
    private record Panel(LoadBins signal, LoadBins takeover, long failed, double answerMillis) {
        double max() {
            return Math.max(signal.max(), takeover.max());
        }
    }

    static String draw(Map<String, List<LoadTrial>> trials) {
        Map<String, Panel> panels = new LinkedHashMap<>();
        trials.forEach((name, list) -> panels.put(name, panel(list)));
        return drawPanels(panels);
    }

    private static Panel panel(List<LoadTrial> trials) {
        LoadFigures figures = LoadFigures.of(trials);
        return new Panel(
                LoadBins.around(LoadTrial::signals, trials),
                LoadBins.around(LoadTrial::takeovers, trials),
                figures.failed(),
                figures.firstAnswerMillis());
    }

    private static String drawPanels(Map<String, Panel> panels) {
        double max = panels.values().stream().mapToDouble(Panel::max).max().orElse(1);
        LoadPicture picture = new LoadPicture(panels.size(), Math.max(100, Math.pow(10, Math.ceil(Math.log10(max)))));
        picture.legend();
        int drawn = 0;
        for (Map.Entry<String, Panel> panel : panels.entrySet()) {
            int row = drawn / COLUMNS;
            picture.left = LEFT + drawn % COLUMNS * (PANEL_WIDTH + GAP_X);
            picture.top = TOP + row * (PANEL_HEIGHT + GAP_Y);
            picture.panel(panel.getKey(), panel.getValue());
            drawn++;
        }
        return picture.svg.xml();
    }

    private void legend() {
        svg.text(LEFT, 20, "start", "title", "What an upgrade does to latency");
        svg.text(
                LEFT,
                40,
                "start",
                "faint",
                "Milliseconds from the intended time of sending, around two moments of all upgrades, laid over each other");
        double x = LEFT;
        svg.line(x, 54, x + 18, 54, "line").text(x + 24, 58, "start", "faint", "median");
        svg.rectangle(x + 90, 46, 14, 12, "band2").text(x + 110, 58, "start", "faint", "up to p99");
        svg.rectangle(x + 190, 46, 14, 12, "band1").text(x + 210, 58, "start", "faint", "up to the maximum");
        svg.rectangle(x + 336, 46, 4, 12, "bad").text(x + 347, 58, "start", "faint", "failed");
        svg.line(x + 410, 44, x + 410, 60, "event")
                .text(x + 418, 58, "start", "faint", "signal, and first answer of the new process");
    }

    private void panel(String name, Panel panel) {
        String failed = panel.failed() == 0 ? "none failed" : panel.failed() + " failed";
        svg.text(left, top - 10, "start", "title", name);
        svg.text(left + PANEL_WIDTH, top - 10, "end", panel.failed() == 0 ? "faint" : "bad", failed);
        scale();
        strip(panel.signal(), "signal");
        left += STRIP_WIDTH + STRIP_GAP;
        strip(panel.takeover(), answer(panel.answerMillis()));
    }

    private static String answer(double millis) {
        if (millis <= 0) {
            return "no answer";
        }
        return millis < 1_000
                ? String.format("answer, after %d ms", Math.round(millis))
                : String.format("answer, after %.1f s", millis / 1_000);
    }

    private void strip(LoadBins bins, String moment) {
        svg.path(band(bins, 1), "band1").path(band(bins, 0.99), "band2");
        grid(moment);
        svg.path(median(bins), "line");
        svg.line(x(0), top, x(0), top + PANEL_HEIGHT, "event");
        for (int i = 0; i < bins.count(); i++) {
            if (bins.failures(i) > 0) {
                svg.rectangle(x(millis(i)), top - 4, x(LoadBins.STEP_MILLIS) - x(0) - 1, 12, "bad");
            }
        }
    }

    private void scale() {
        for (double value = LOWEST_MILLIS; value <= highestMillis * 1.001; value *= 10) {
            String label = value < 0.5 ? "0.1" : Long.toString(Math.round(value));
            svg.text(left - 6, y(value) + 4, "end", "faint", label);
        }
    }

    private void grid(String moment) {
        for (double value = LOWEST_MILLIS; value <= highestMillis * 1.001; value *= 10) {
            svg.line(left, y(value), left + STRIP_WIDTH, y(value), "grid");
        }
        svg.line(x(1_000), top + PANEL_HEIGHT, x(1_000), top + PANEL_HEIGHT - 5, "grid");
        svg.text(x(0), top + PANEL_HEIGHT + 16, "middle", "faint", moment);
        svg.text(x(1_000), top + PANEL_HEIGHT + 16, "middle", "faint", "+1 s");
    }

    /** From the bottom to that quantile of each step. */
    private Svg.Path band(LoadBins bins, double share) {
        Svg.Path path = new Svg.Path().to(left, top + PANEL_HEIGHT);
        for (int i = 0; i < bins.count(); i++) {
            double y = bins.isEmpty(i) ? top + PANEL_HEIGHT : y(bins.quantile(i, share));
            path.to(x(millis(i)), y).to(x(millis(i + 1)), y);
        }
        return path.to(x(LoadBins.TO_MILLIS), top + PANEL_HEIGHT).close();
    }

    private Svg.Path median(LoadBins bins) {
        Svg.Path path = new Svg.Path();
        for (int i = 0; i < bins.count(); i++) {
            if (!bins.isEmpty(i)) {
                path.to(x(millis(i) + LoadBins.STEP_MILLIS / 2), y(bins.quantile(i, 0.5)));
            }
        }
        return path;
    }

    private static double millis(int bin) {
        return LoadBins.FROM_MILLIS + bin * LoadBins.STEP_MILLIS;
    }

    private double x(double millis) {
        return left + (millis - LoadBins.FROM_MILLIS) / (LoadBins.TO_MILLIS - LoadBins.FROM_MILLIS) * STRIP_WIDTH;
    }

    private double y(double millis) {
        double share =
                Math.log10(Math.max(millis, LOWEST_MILLIS) / LOWEST_MILLIS) / Math.log10(highestMillis / LOWEST_MILLIS);
        return top + PANEL_HEIGHT * (1 - share);
    }
}
