package io.tableflip.examples;

import java.util.List;
import java.util.Set;

/**
 * The command line of the demo.
 *
 * @param width how many characters fit into a line of the terminal
 */
record DemoOptions(int width) {
    static final String USAGE = """
            demo [--width 80]
                Upgrades the example server five times under load, and shows what the clients saw.
            """;

    static DemoOptions parse(List<String> words) throws UsageException {
        Args args = Args.parse(words, Set.of("--width"));
        return new DemoOptions(Math.max(40, args.value("--width", Integer::parseInt, 80)));
    }
}
