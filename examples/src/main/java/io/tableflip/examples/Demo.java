package io.tableflip.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;

/** Upgrades the example server five times under load: three times well, once to a process that fails, once to one that hangs. */
final class Demo {
    private static final int RATE = 400;
    private static final int KEPT = 32;
    private static final int ANSWERS_BETWEEN = RATE * 5 / 2;
    /** Only what hangs takes that long, on a busy machine too. */
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private static final Duration READY_AFTER = Duration.ofSeconds(2);
    private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration UPGRADE_TIMEOUT = Duration.ofSeconds(20);

    /** Block characters need UTF-8, whatever the locale says. */
    private final PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, UTF_8);

    private final DemoServer server;
    private final StrictLoad load;
    private final KeptConnections kept;
    private final List<DemoUpgrade> upgrades = new ArrayList<>();

    private long warm = System.nanoTime();
    /** The processes that should have answered, and no other. */
    private final Set<Long> services = new LinkedHashSet<>();

    private Demo(DemoServer server, StrictLoad load, KeptConnections kept) throws IOException {
        this.server = server;
        this.load = load;
        this.kept = kept;
        services.add(server.pid());
    }

    /** Whether no request failed, and each upgrade ended as it should. */
    static boolean run(DemoOptions options) throws IOException {
        try (DemoServer server = new DemoServer()) {
            server.configure("greeting = hello\n");
            InetSocketAddress address = server.start(READY_AFTER, DRAIN_TIMEOUT, UPGRADE_TIMEOUT);
            StrictLoad.Builder builder = StrictLoad.builder()
                    .target(address)
                    .rate(RATE)
                    .maxInFlight(100)
                    .timeout(PATIENCE)
                    .slow(0.02, Duration.ofMillis(300))
                    .stream(0.02, 5, Duration.ofMillis(100));
            try (StrictLoad load = builder.start();
                    KeptConnections kept = KeptConnections.open(address, KEPT, PATIENCE)) {
                return new Demo(server, load, kept).run(address, options.width());
            }
        }
    }

    private boolean run(InetSocketAddress address, int width) throws IOException {
        out.println("The server is process " + server.pid() + " on port " + address.getPort() + ". Clients send it "
                + RATE + " requests/s: on 32 connections that are kept and");
        out.println("idle for up to 2 s, a quarter on new connections, some slow, some streamed. None is tried again.");
        out.println("Another client has " + KEPT + " connections, and never makes a new one.");
        out.println();
        String problem = "";
        try {
            upgradeFiveTimes();
        } catch (IllegalStateException e) {
            problem = e.getMessage() + "; ";
        }
        kept.close();
        LoadResult result = load.stop();
        new DemoReport(out, result, upgrades, warm).print(width);
        out.println();
        out.println(kept + ": " + kept.answers() + " requests on connections that lived through all upgrades");
        return verdict(problem, result);
    }

    private void upgradeFiveTimes() throws IOException {
        awaitAnswers();
        warm = System.nanoTime();
        upgradeTo("new greeting", "greeting = bonjour\n");
        failToUpgrade("invalid line in its config", "CHILD_FAILED", () -> server.configure("greeting = ciao\nciao\n"));
        upgradeTo("new greeting", "greeting = hola\n");
        failToUpgrade("hangs, and has 20 s at most", "TIMED_OUT", server::configureToHang);
        upgradeTo("new greeting", "greeting = ahoj\n");
        awaitAnswers();
    }

    private void upgradeTo(String title, String config) throws IOException {
        long old = server.pid();
        int from = begin(title);
        server.configure(config);
        long start = signal();
        Matcher outcome = server.awaitLine(from, "(not )?upgraded.*?process (\\d+) .*|not upgraded.*");
        long decided = System.nanoTime();
        if (outcome.group(2) == null) {
            throw new IllegalStateException("this upgrade should succeed: " + outcome.group());
        }
        long successor = Long.parseLong(outcome.group(2));
        // Both are over a moment later: the old process, and the successor's knowledge that it has a parent.
        server.awaitGone(old);
        server.awaitLine(from, "the old process has gone: process " + successor + " .*");
        end(title, start, decided, System.nanoTime(), "process " + successor + " has taken over from " + old);
        requireService(successor);
        services.add(successor);
    }

    private interface Sabotage {
        void run() throws IOException;
    }

    private void failToUpgrade(String title, String reason, Sabotage sabotage) throws IOException {
        long old = server.pid();
        int from = begin(title);
        sabotage.run();
        long start = signal();
        Matcher outcome = server.awaitLine(from, "not upgraded \\((\\w+)\\): (.*)|upgraded: .*");
        long decided = System.nanoTime();
        if (!reason.equals(outcome.group(1))) {
            throw new IllegalStateException("this upgrade should fail with " + reason + ": " + outcome.group());
        }
        end(title, start, decided, decided, "process " + old + " serves on: " + server.shortened(outcome.group(2)));
        requireService(old);
    }

    private int begin(String title) throws IOException {
        awaitAnswers();
        out.println("upgrade " + (upgrades.size() + 1) + ", " + title);
        return server.logSize();
    }

    private long signal() throws IOException {
        long start = System.nanoTime();
        server.upgrade();
        return start;
    }

    private void end(String title, long start, long decided, long end, String outcome) {
        DemoUpgrade upgrade = new DemoUpgrade(title, start, decided, end, outcome);
        upgrades.add(upgrade);
        LoadCounts counts = load.counts();
        out.println("  " + Durations.millis(upgrade.untilEnd()) + ": " + outcome);
        out.println("  " + counts.requests() + " requests so far, " + counts.failed() + " failed");
    }

    private void awaitAnswers() {
        LoadCounts begin = load.counts();
        DemoServer.await("requests are answered", () -> {
            LoadCounts now = load.counts();
            if (now.failed() > 0) {
                throw new IllegalStateException("no further upgrade, since requests fail");
            }
            if (kept.lost() > 0) {
                throw new IllegalStateException("no further upgrade, since a connection is lost");
            }
            return now.answered() - begin.answered() >= ANSWERS_BETWEEN;
        });
    }

    private void requireService(long pid) throws IOException {
        if (server.pid() != pid) {
            throw new IllegalStateException("the PID file names " + server.pid() + ", not " + pid);
        }
    }

    private boolean verdict(String problem, LoadResult result) throws IOException {
        Set<Long> answered = new LinkedHashSet<>();
        result.counts().byServer().keySet().forEach(server -> answered.add(server.pid()));
        out.println();
        if (problem.isEmpty() && answered.equals(services) && result.isClean() && kept.lost() == 0) {
            out.println("No request failed, no client had to connect again, and each upgrade ended as it should:"
                    + " three took over, two changed nothing.");
            return true;
        }
        out.println("The server's last words:\n" + server.lastWords() + "\n");
        String strangers = answered.equals(services)
                ? ""
                : "; processes " + answered + " have answered, it should have been " + services;
        out.println("FAILED: " + problem + result.counts().failed() + " requests have failed; " + kept + strangers);
        return false;
    }
}
