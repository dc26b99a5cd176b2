package io.tableflip.benchmarks;

import io.tableflip.benchmarks.Run.Scale;
import io.tableflip.testsupport.GoCompiler;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What an upgrade costs beside the boot of the child, by the number of descriptors: ours and Go's tableflip. */
final class HandoffPart implements Part {
    private static final String GO = "Go's tableflip";
    private static final String OURS = "ours";
    private static final String ARCHIVED = "ours, class-data archive";
    private static final String NETTY = "Netty alone, new listeners";

    private static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));

    @Override
    public String name() {
        return "handoff";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        Map<String, List<String>> servers = servers(run);
        Table table = run.report()
                .table(
                        "Handoff: what an upgrade costs beside the boot of the child, in milliseconds",
                        "descriptors",
                        "server",
                        "call to spawned",
                        "names to adopted",
                        "ready to returned",
                        "sum of the three",
                        "whole upgrade()",
                        "more than with none",
                        "sum, to Go's");
        Map<String, Double> withNone = new LinkedHashMap<>();
        for (int count : run.pick(List.of(0, 4), List.of(0, 4, 400, 4000), List.of(0, 4, 400, 4000))) {
            run.progress(() -> count + " descriptors");
            Map<String, List<Handoff>> measured = measure(run, servers, count);
            List<Handoff> gos = measured.get(GO);
            double go = gos == null ? Double.NaN : sample(gos, Handoff::sum).median();
            measured.forEach((server, handoffs) -> {
                double whole = sample(handoffs, Handoff::whole).median();
                double none = withNone.computeIfAbsent(server, key -> whole);
                row(table, count, server, handoffs, whole - none, go);
                if (count > 0 && !server.equals(GO) && gos != null) {
                    bar(run, count, server, sample(handoffs, Handoff::sum).median() / go);
                }
            });
            if (count > 0 && run.scale() != Run.Scale.QUICK) {
                table.row(count, NETTY, "", text(Sample.of(plain(run, count))), "", "", "", "", "");
            }
        }
        NOTES.forEach(table::note);
    }

    private static void bar(Run run, int count, String server, double ratio) {
        String what = "handoff of " + count + " descriptors, boot of the child left out, " + server + " to Go's";
        run.report().bar(Bar.atMost(what, 1, ratio, "x"));
    }

    private static void row(Table table, int count, String server, List<Handoff> handoffs, double more, double go) {
        double ratio = sample(handoffs, Handoff::sum).median() / go;
        table.row(
                count,
                server,
                text(sample(handoffs, Handoff::spawn)),
                text(sample(handoffs, Handoff::adopt)),
                text(sample(handoffs, Handoff::commit)),
                text(sample(handoffs, Handoff::sum)),
                text(sample(handoffs, Handoff::whole)),
                count == 0 ? "" : String.format("%.1f", more),
                Double.isNaN(ratio) ? "" : String.format("%.1f", ratio));
    }

    private static final List<String> NOTES = List.of(
            "Medians (least to greatest) of upgrades in a chain of generations, each of which is a process that has upgraded never before, settled, and"
                    + " idle; the servers take turns. Each descriptor is a TCP listener with an address and a name of its own, which is served before and"
                    + " after. No PID file on either side.",
            "*Call to spawned*: from the call of `Upgrade()` or `upgrade()` in the parent until the system call that starts the child has returned there.",
            "*Names to adopted*: in the child, from before `New()` or `build()`, which read the names, until there is a listener of each descriptor (`Listen`,"
                    + " `bind`), the loading of this library's classes included. In Java the child has bound and closed one plain Netty listener before, as part of"
                    + " its boot: Netty's classes are loaded with tableflip or without, this library's are not.",
            "*Ready to returned*: from before `Ready()` or `ready()` in the child until `Upgrade()` or `upgrade()` has returned in the parent. Ours has more to"
                    + " do there: the parent stops accepting and asks its connections to leave (there are none) before the child commits; Go's closes its"
                    + " listeners afterwards.",
            "*" + NETTY
                    + "* (not in a short run): how long it takes a process that is as cold to bind as many new listeners with Netty and without tableflip.");

    private static Sample sample(List<Handoff> handoffs, ToDoubleFunction<Handoff> time) {
        return Sample.of(handoffs.stream().mapToDouble(time).toArray());
    }

    private static String text(Sample sample) {
        return sample.text(1);
    }

    // ---- measuring

    /** All servers are there all the time, and take turns: what disturbs the machine disturbs all. */
    private static Map<String, List<Handoff>> measure(Run run, Map<String, List<String>> servers, int count)
            throws IOException, InterruptedException {
        List<Contestant> contestants = new ArrayList<>();
        try {
            for (Map.Entry<String, List<String>> server : servers.entrySet()) {
                List<String> command = with(server.getValue(), count, Integer.toString(run.repeats()));
                HandoffChain chain = HandoffChain.start(server.getKey(), run.newDirectory("handoff"), command);
                contestants.add(new Contestant(server.getKey(), chain, new ArrayList<>()));
            }
            Map<String, List<Handoff>> measured = new LinkedHashMap<>();
            for (Contestant contestant : contestants) {
                contestant.chain.awaitSettled();
                measured.put(contestant.server, contestant.handoffs);
            }
            for (int i = 0; i < run.repeats(); i++) {
                for (Contestant contestant : contestants) {
                    contestant.handoffs.add(contestant.chain.upgrade());
                }
                Collections.rotate(contestants, 1);
            }
            return measured;
        } finally {
            contestants.forEach(contestant -> contestant.chain.close());
        }
    }

    private record Contestant(String server, HandoffChain chain, List<Handoff> handoffs) {}

    /** In milliseconds. */
    private static List<Double> plain(Run run, int count) throws IOException, InterruptedException {
        List<Double> times = new ArrayList<>();
        for (int i = 0; i < run.repeats(); i++) {
            List<String> command = with(java(List.of()), count, HandoffServer.PLAIN);
            try (Program program = Program.start(NETTY, run.newDirectory("plain"), command, environment -> {})) {
                Matcher bound = program.await(Pattern.compile("^bound (\\d+)$", Pattern.MULTILINE));
                times.add(Long.parseLong(bound.group(1)) / 1e6);
            }
        }
        return times;
    }

    // ---- the servers

    private static Map<String, List<String>> servers(Run run) throws IOException, InterruptedException {
        Map<String, List<String>> servers = new LinkedHashMap<>();
        String missing = GoCompiler.missing();
        if (missing != null) {
            run.report().leaveOut(GO, missing);
        } else {
            servers.put(GO, List.of(GoHandoff.build(run.newDirectory("go")).toString()));
        }
        servers.put(OURS, java(List.of()));
        if (run.scale() != Scale.SMOKE) {
            Path archive = archive(run);
            if (archive != null) {
                servers.put(ARCHIVED, java(List.of("-XX:SharedArchiveFile=" + archive)));
            }
        }
        return servers;
    }

    /** Written by a process that was upgraded to and gets ready for the next one. */
    private static @Nullable Path archive(Run run) throws IOException, InterruptedException {
        if (Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .anyMatch(entry -> Files.isDirectory(Path.of(entry)))) {
            run.report().leaveOut(ARCHIVED, "there are directories on the class path");
            return null;
        }
        Path directory = run.newDirectory("archive");
        Path archive = directory.resolve("handoff.jsa");
        List<String> command = with(java(List.of("-XX:ArchiveClassesAtExit=" + archive)), 4, "1");
        try (HandoffChain chain = HandoffChain.start("class-data archive", directory, command)) {
            chain.awaitSettled();
            chain.upgrade();
            chain.awaitEnd();
        }
        if (!Files.exists(archive)) {
            throw new BenchmarkException("the JVM has not written " + archive);
        }
        return archive;
    }

    private static List<String> java(List<String> options) {
        return Program.java(JAVA_HOME, options, HandoffServer.class, List.of());
    }

    private static List<String> with(List<String> command, int count, String mode) {
        List<String> words = new ArrayList<>(command);
        words.addAll(List.of(Integer.toString(count), mode));
        return words;
    }
}
