package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The model checker spin: makes a C program of a model, which goes through all its states. */
final class Spin {
    private static final long LIMIT_SECONDS = 170;
    private static final int MEGABYTES = 2048;
    private static final Pattern VIOLATED = Pattern.compile("assertion violated (\\w+)");
    private static final Pattern STATES = Pattern.compile("(\\d+) states, stored");
    /** How much of a counterexample is shown. */
    private static final int TRAIL_LINES = 400;

    private final Path directory;
    private final Path model;

    Spin(Path directory, String promela) throws IOException {
        this.directory = directory;
        model = Files.writeString(directory.resolve("handover.pml"), promela);
    }

    static void assumeInstalled() {
        Tools.assumeInstalled("spin");
        Tools.assumeInstalled("gcc");
    }

    /** What became of a search. */
    record Outcome(String violated, long states, String output) {
        /** Every state was seen. */
        void assertHolds() {
            assertEquals("", violated, output);
            assertTrue(
                    !output.contains("Search not completed") && !output.contains("max search depth too small"), output);
        }
    }

    /** Looks for a state in which an assertion fails. */
    Outcome search(String... parameters) throws Exception {
        return run(List.of("-DSAFETY"), List.of("-E"), parameters);
    }

    /** Looks for a way to go on for ever. */
    Outcome searchCycle(String... parameters) throws Exception {
        return run(List.of("-DNP"), List.of("-l"), parameters);
    }

    private Outcome run(List<String> kind, List<String> options, String... parameters) throws Exception {
        List<String> generate = list("spin", parameters, "-a", model.toString());
        assertEquals(
                "", call(generate).lines().filter(line -> line.contains("rror")).collect(Collectors.joining("\n")));
        // No reduction: it does not go with processes that can be stopped anywhere. Optimized, a search saves
        // less than that takes to compile; states that are kept as they are take twice the memory, and half
        // the time.
        List<String> compile = list("gcc", "-O0", "-w", "-DNOREDUCE", "-DMEMLIM=" + MEGABYTES, "-o", "pan", "pan.c");
        compile.addAll(kind);
        call(compile);
        List<String> search = list("./pan", "-n", "-m20000", "-w21");
        search.addAll(options);
        return outcome(call(search), parameters);
    }

    private Outcome outcome(String output, String... parameters) throws Exception {
        Matcher states = STATES.matcher(output);
        assertTrue(states.find(), output);
        Matcher violated = VIOLATED.matcher(output);
        String what = violated.find() ? violated.group(1) : output.contains("non-progress cycle (at") ? "CYCLE" : "";
        String trail = what.isEmpty() ? "" : trail(parameters);
        return new Outcome(what, Long.parseLong(states.group(1)), output + trail);
    }

    /** The counterexample: each step, and in the end what all variables are. */
    private String trail(String... parameters) throws Exception {
        List<String> lines = call(list("spin", parameters, "-t", "-p", model.toString()))
                .lines()
                .toList();
        return lines.stream().skip(Math.max(0, lines.size() - TRAIL_LINES)).collect(Collectors.joining("\n"));
    }

    private static List<String> list(String first, Object... others) {
        List<String> list = new ArrayList<>(List.of(first));
        for (Object other : others) {
            list.addAll(other instanceof String[] several ? List.of(several) : List.of((String) other));
        }
        return list;
    }

    /**
     * All that it says. What it writes goes to a file, so that it is never waited for that somebody reads.
     */
    private String call(List<String> command) throws Exception {
        Path output = directory.resolve("output");
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            boolean ended = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
            assertTrue(ended, () -> command + " does not end");
            return Files.readString(output);
        } finally {
            List<ProcessHandle> all = Stream.concat(process.descendants(), Stream.of(process.toHandle()))
                    .toList();
            all.forEach(ProcessHandle::destroyForcibly);
        }
    }
}
