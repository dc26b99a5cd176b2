package io.tableflip.benchmarks;

import java.util.Locale;

/** Writes a picture whose text stays text, and whose colours suit a light and a dark page. Not thread-safe. */
final class Svg {
    /** Classes: words in {@code ink} and {@code faint}, lines in {@code grid}, areas {@code band1} to {@code band3}, marks that are {@code bad}. */
    private static final String STYLE = """
            <style>
              text { font: 12px system-ui, sans-serif; fill: #1f2328; }
              .title { font-weight: 600; }
              .faint { fill: #656d76; font-size: 11px; }
              .bad { fill: #cf222e; stroke: #cf222e; }
              text.bad { stroke: none; font-weight: 600; }
              .grid { stroke: #d0d7de; stroke-width: 1; fill: none; }
              .event { stroke: #656d76; stroke-width: 1; stroke-dasharray: 3 3; fill: none; }
              .band1 { fill: #b6d4f5; }
              .band2 { fill: #5b9bdf; }
              .line { stroke: #0b3d75; stroke-width: 1.5; fill: none; }
              @media (prefers-color-scheme: dark) {
                text { fill: #e6edf3; }
                .faint { fill: #8d96a0; }
                .bad { fill: #ff7b72; stroke: #ff7b72; }
                .grid { stroke: #30363d; }
                .event { stroke: #8d96a0; }
                .band1 { fill: #1d3a5c; }
                .band2 { fill: #2f6cb0; }
                .line { stroke: #cae3ff; }
              }
            </style>
            """;

    private final StringBuilder body = new StringBuilder();
    private final int width;
    private final int height;

    Svg(int width, int height, String title) {
        this.width = width;
        this.height = height;
        body.append("<title>").append(escaped(title)).append("</title>\n").append(STYLE);
    }

    /** @param anchor start, middle or end */
    Svg text(double x, double y, String anchor, String style, String text) {
        return add("<text x=\"%s\" y=\"%s\" text-anchor=\"%s\" class=\"%s\">%s</text>"
                .formatted(number(x), number(y), anchor, style, escaped(text)));
    }

    Svg line(double x1, double y1, double x2, double y2, String style) {
        return add("<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" class=\"%s\"/>"
                .formatted(number(x1), number(y1), number(x2), number(y2), style));
    }

    Svg rectangle(double x, double y, double width, double height, String style) {
        return add("<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" class=\"%s\"/>"
                .formatted(number(x), number(y), number(width), number(height), style));
    }

    Svg path(Path path, String style) {
        return add("<path d=\"" + path.commands.toString().strip() + "\" class=\"" + style + "\"/>");
    }

    private Svg add(String element) {
        body.append(element).append('\n');
        return this;
    }

    /** The whole file. */
    String xml() {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height + "\" width=\"" + width
                + "\" role=\"img\">\n" + body + "</svg>\n";
    }

    /** A line through points. */
    static final class Path {
        private final StringBuilder commands = new StringBuilder();

        /** Begins the line if this is the first point. */
        Path to(double x, double y) {
            return point(commands.isEmpty() ? 'M' : 'L', x, y);
        }

        private Path point(char command, double x, double y) {
            commands.append(command)
                    .append(number(x))
                    .append(' ')
                    .append(number(y))
                    .append(' ');
            return this;
        }

        Path close() {
            commands.append("Z ");
            return this;
        }
    }

    private static String number(double value) {
        double tenths = Math.rint(value * 10) / 10;
        return tenths == Math.rint(tenths) ? Long.toString((long) tenths) : String.format(Locale.ROOT, "%.1f", tenths);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
