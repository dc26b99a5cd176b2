package io.tableflip.it;

import java.util.List;
import java.util.stream.Stream;

/**
 * How the JVMs of programs under test are started. A JVM that lives for seconds does not earn back what the
 * second compiler and the parallel collector cost.
 */
final class TestJvm {
    static final String COLLECTOR = "-XX:+UseSerialGC";
    private static final List<String> SHORT_LIVED = List.of("-XX:TieredStopAtLevel=1", COLLECTOR);

    private TestJvm() {}

    /** Options of any program. */
    static List<String> options() {
        return SHORT_LIVED;
    }

    /** {@code java -jar}, the jar of the example and the options that belong to it, for scripts. */
    static String exampleCommand() {
        return exampleCommand("");
    }

    /** The same with more options. */
    static String exampleCommand(String more) {
        return String.join(
                " ",
                Stream.of(
                                List.of(Service.java()),
                                SHORT_LIVED,
                                more.isEmpty() ? List.<String>of() : List.of(more),
                                List.of("-jar", Service.examplesJar().toString()))
                        .flatMap(List::stream)
                        .toList());
    }
}
