package io.tableflip.benchmarks;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How the cost of an upgrade grows with the connections that are open, and with the heap. */
final class GrowthPart implements Part {
    private static final Pattern LISTENING = Pattern.compile("listening on 127.0.0.1:(\\d+)\\R");
    private static final Pattern DRAINED =
            Pattern.compile("drained (\\d+) connections, (-?\\d+) ms beyond the timeout, (\\d+) ms of CPU");
    private static final Pattern CLOSED = Pattern.compile("closed (\\d+) connections, (\\d+) ms of CPU");
    private static final Pattern PREPARED = Pattern.compile("prepared for the next upgrade");
    private static final Pattern STEPS =
            Pattern.compile("(?s)spawned generation 2 \\(pid \\d+\\) after (\\d+) ms.*is the service after (\\d+) ms");
    private static final int DRAIN_MILLIS = 500;
    private static final int DRAIN_HEAP = 512;

    @Override
    public String name() {
        return "growth";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        connections(run);
        heap(run);
    }

    /** What drains of so many connections have cost. */
    private static final class Drains {
        private final int size;
        private final List<Double> millis = new ArrayList<>();
        private final List<Double> cpu = new ArrayList<>();
        private final List<Double> memory = new ArrayList<>();
        /** What it costs Netty alone to close as many; measured of the most only. */
        private final List<Double> plainCpu = new ArrayList<>();

        Drains(int size) {
            this.size = size;
        }

        double cpuMillis() {
            return Sample.of(cpu).median();
        }
    }

    private static void connections(Run run) throws IOException, InterruptedException {
        List<Integer> sizes =
                run.pick(List.of(10, 100), List.of(10, 1500, 15_000), List.of(10, 100, 1500, 5000, 15_000));
        List<Drains> all = sizes.stream().map(Drains::new).toList();
        Path directory = run.newDirectory("growth");
        try (Program server = start(directory, DRAIN_HEAP, 0)) {
            InetSocketAddress address = address(server);
            int generation = 1;
            for (int repeat = 0; repeat < run.repeats(); repeat++) {
                for (Drains drains : all) {
                    generation++;
                    drain(server, address, generation, drains);
                }
                close(run.newDirectory("plain"), all.get(all.size() - 1));
                int done = repeat + 1;
                run.progress(() -> "drains: " + done + " of " + run.repeats());
            }
        }
        report(run, all);
    }

    private static void drain(Program server, InetSocketAddress address, int generation, Drains drains)
            throws IOException, InterruptedException {
        long old = server.pids().get(0);
        try (IdleConnections clients = IdleConnections.make(address, drains.size)) {
            double before = Program.megabytes(old, "VmRSS");
            Program.signal("HUP", old);
            server.await(
                    "the drain by generation " + (generation - 1),
                    () -> drained(server).size() == generation - 1);
            MatchResult costs = drained(server).get(generation - 2);
            drains.memory.add(Math.max(0, Program.megabytes(old, "VmHWM") - before));
            clients.awaitEnd();
            if (Integer.parseInt(costs.group(1)) != drains.size) {
                throw new BenchmarkException("drained " + costs.group(1) + " connections, not " + drains.size);
            }
            drains.millis.add(Double.valueOf(costs.group(2)));
            drains.cpu.add(Double.valueOf(costs.group(3)));
        }
        server.await(
                "the end of the old process", () -> server.log().contains("alone: generation " + generation + "\n"));
    }

    private static void close(Path directory, Drains drains) throws IOException, InterruptedException {
        Path home = Path.of(System.getProperty("java.home"));
        List<String> command =
                Program.java(home, List.of("-Xmx" + DRAIN_HEAP + "m"), GrowthServer.class, List.of(GrowthServer.PLAIN));
        try (Program server = Program.start("plain", directory, command, environment -> {});
                IdleConnections clients = IdleConnections.make(address(server), drains.size)) {
            Program.signal("TERM", server.firstPid());
            Matcher closed = server.await(CLOSED);
            clients.awaitEnd();
            if (Integer.parseInt(closed.group(1)) != drains.size) {
                throw new BenchmarkException("closed " + closed.group(1) + " connections, not " + drains.size);
            }
            drains.plainCpu.add(Double.valueOf(closed.group(2)));
        }
    }

    private static InetSocketAddress address(Program server) throws InterruptedException {
        return new InetSocketAddress(
                "127.0.0.1", Integer.parseInt(server.await(LISTENING).group(1)));
    }

    private static List<MatchResult> drained(Program server) {
        return DRAINED.matcher(server.log()).results().toList();
    }

    private static void report(Run run, List<Drains> all) {
        Table table = run.report()
                .table(
                        "Drain of idle connections",
                        "connections",
                        "beyond the timeout, ms",
                        "CPU, ms",
                        "CPU a connection, µs",
                        "Netty alone, closing as many: CPU, ms",
                        "more memory, MB");
        Drains base = all.get(0);
        for (Drains drains : all) {
            table.row(
                    drains.size,
                    Sample.of(drains.millis).text(0),
                    Sample.of(drains.cpu).text(0),
                    drains == base ? "" : String.format("%.0f", each(drains, base)),
                    drains.plainCpu.isEmpty() ? "" : Sample.of(drains.plainCpu).text(0),
                    Sample.of(drains.memory).text(0));
        }
        table.note(
                "HTTP/1.1 connections that have had one answer each, closed at a drain timeout of " + DRAIN_MILLIS
                        + " ms. CPU: of the old process, from the begin of the drain to its end, in steps of 10 ms; for a connection less what "
                        + base.size
                        + " take. Netty alone: `ChannelGroup.close()` of the same connections, in a process that has closed none before either. Memory: the peak of the old process above what it had before the signal.");
        Drains most = all.get(all.size() - 1);
        if (most.size == 15_000) {
            run.report().bar(Bar.atMost("CPU of the drain of 15,000 idle connections", 500, most.cpuMillis(), "ms"));
            Drains tenth = all.stream()
                    .filter(drains -> drains.size == 1500)
                    .findFirst()
                    .orElseThrow();
            double growth = each(most, base) / Math.max(1, each(tenth, base));
            run.report().bar(Bar.atMost("CPU a connection at 15,000, against 1,500", 1.5, growth, "×"));
        }
    }

    /** Microseconds of processor time. */
    private static double each(Drains drains, Drains base) {
        return (drains.cpuMillis() - base.cpuMillis()) * 1000 / drains.size;
    }

    /** What upgrades with such a heap have cost. */
    private static final class Heaps {
        private final int megabytes;
        private final List<Double> spawned = new ArrayList<>();
        private final List<Double> whole = new ArrayList<>();
        private final List<Double> memory = new ArrayList<>();

        Heaps(int megabytes) {
            this.megabytes = megabytes;
        }
    }

    private static void heap(Run run) throws IOException, InterruptedException {
        List<Heaps> all = run.pick(List.of(128), List.of(128, 2048), List.of(128, 512, 2048, 8192)).stream()
                .map(Heaps::new)
                .toList();
        for (int repeat = 0; repeat < run.repeats(); repeat++) {
            for (Heaps heaps : all) {
                upgrade(run.newDirectory("heap"), heaps);
            }
            int done = repeat + 1;
            run.progress(() -> "heaps: " + done + " of " + run.repeats());
        }
        Table table = run.report()
                .table(
                        "Upgrade of a process with a large heap",
                        "heap, MB",
                        "its memory, MB",
                        "spawned after, ms",
                        "upgraded after, ms");
        for (Heaps heaps : all) {
            table.row(
                    heaps.megabytes,
                    Sample.of(heaps.memory).text(0),
                    Sample.of(heaps.spawned).text(0),
                    Sample.of(heaps.whole).text(0));
        }
        table.note(
                "Three quarters of the heap are in use. The first upgrade of a process, with the boot of the child.");
    }

    private static void upgrade(Path directory, Heaps heaps) throws IOException, InterruptedException {
        try (Program server = start(directory, heaps.megabytes, heaps.megabytes * 3 / 4)) {
            server.await(PREPARED);
            heaps.memory.add(Program.megabytes(server.firstPid(), "VmRSS"));
            Program.signal("HUP", server.firstPid());
            Matcher steps = server.await(STEPS);
            heaps.spawned.add(Double.valueOf(steps.group(1)));
            heaps.whole.add(Double.valueOf(steps.group(2)));
        }
    }

    private static Program start(Path directory, int heap, int fill) throws IOException {
        List<String> arguments =
                List.of(directory.resolve("pid").toString(), Integer.toString(DRAIN_MILLIS), Integer.toString(fill));
        Path home = Path.of(System.getProperty("java.home"));
        List<String> command = Program.java(home, List.of("-Xmx" + heap + "m"), GrowthServer.class, arguments);
        return Program.start("growth", directory, command, environment -> {});
    }
}
