package io.tableflip.benchmarks;

import io.tableflip.benchmarks.ClassLog.Origin;
import io.tableflip.examples.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;

/** What the child of an upgrade loads on its way to the takeover, beside a server without tableflip on its way to its listener. */
final class ReadinessPart implements Part {
    private static final Path HOME = Path.of(System.getProperty("java.home"));
    private static final Pattern LISTENING = Pattern.compile("listening on");
    private static final Pattern PREPARED = Pattern.compile("prepared for the next upgrade");
    private static final Pattern SERVING = Pattern.compile("generation 2 \\(pid (\\d+)\\) is serving");

    private final List<ClassLog> plain = new ArrayList<>();
    private final List<ClassLog> child = new ArrayList<>();

    @Override
    public String name() {
        return "readiness";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        for (int i = 0; i < run.repeats(); i++) {
            plain.add(plain(run.newDirectory("readiness")));
            child.add(child(run.newDirectory("readiness")));
        }
        Table table = run.report()
                .table(
                        "Readiness: the classes that a new process loads",
                        "",
                        "without tableflip, until it listens",
                        "child of an upgrade, until it is the service");
        for (Origin origin : Origin.values()) {
            row(table, origin.text, log -> log.classes().getOrDefault(origin, 0));
        }
        row(table, "all", ClassLog::total);
        row(table, "main class after (ms)", ClassLog::mainMillis);
        row(table, "last class after (ms)", ClassLog::lastMillis);
        table.note("What the JVM tells by `-Xlog:class+load`; medians (least to greatest) of " + run.repeats()
                + ". Times are from the start of the JVM, and longer than without that log. The child does not warm up; it prepares its own next"
                + " upgrade a second later, which is not counted.");
    }

    private void row(Table table, String what, ToDoubleFunction<ClassLog> value) {
        table.row(what, text(plain, value), text(child, value));
    }

    private static String text(List<ClassLog> logs, ToDoubleFunction<ClassLog> value) {
        return Sample.of(logs.stream().mapToDouble(value).toArray()).text(0);
    }

    private static ClassLog plain(Path directory) throws IOException, InterruptedException {
        List<String> command =
                Program.java(HOME, logging(directory), PlainServer.class, List.of("--listen", "127.0.0.1:0"));
        try (Program server = Program.start("plain", directory, command, environment -> {})) {
            server.await(LISTENING);
            return classes(directory, server.firstPid());
        }
    }

    private static ClassLog child(Path directory) throws IOException, InterruptedException {
        List<String> arguments = List.of(
                "http",
                "--listen",
                "127.0.0.1:0",
                "--pid-file",
                "pid",
                "--idle-boot",
                "0s",
                "--warm-up",
                "0s",
                "--spread",
                "0s");
        List<String> command = Program.java(HOME, logging(directory), Main.class, arguments);
        try (Program server = Program.start("ours", directory, command, environment -> {})) {
            server.await(PREPARED);
            Program.signal("HUP", server.firstPid());
            return classes(directory, Long.parseLong(server.await(SERVING).group(1)));
        }
    }

    private static List<String> logging(Path directory) {
        return List.of("-Xlog:class+load:file=" + directory.resolve("%p.classes") + ":uptimenanos");
    }

    private static ClassLog classes(Path directory, long pid) throws IOException {
        return ClassLog.parse(Files.readString(directory.resolve(pid + ".classes")));
    }
}
