package io.tableflip.benchmarks;

import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;

/**
 * One way to start the example server, and what was measured of it.
 *
 * <p>A start is measured from outside: from just before its process is made to the first connection that is accepted, and to the first answer, on that connection.
 */
final class Boot {
    /** What a JVM maps its classes from. */
    enum Archive {
        /** The JDK's own, of the JDK's classes. */
        NONE("no archive", "", ""),
        CDS("AppCDS", "-XX:ArchiveClassesAtExit=", "-XX:SharedArchiveFile="),
        AOT("AOT cache", "-XX:AOTCacheOutput=", "-XX:AOTCache=");

        final String text;
        private final String write;
        private final String read;

        Archive(String text, String write, String read) {
            this.text = text;
            this.write = write;
            this.read = read;
        }
    }

    private static final Pattern LISTENING = Pattern.compile("listening on \\S+:(\\d+)");
    private static final int TRAINING_REQUESTS = 200;

    private final Run run;
    private final Path home;
    private final int feature;
    private final boolean tableflip;
    private final Archive archive;
    private final Path file;
    private final List<Double> listening = new ArrayList<>();
    private final List<Double> answers = new ArrayList<>();
    private final List<Double> upgrades = new ArrayList<>();

    /** @param tableflip whether it is the example, or the same without tableflip */
    Boot(Run run, Path home, int feature, boolean tableflip, Archive archive) {
        this.run = run;
        this.home = home;
        this.feature = feature;
        this.tableflip = tableflip;
        this.archive = archive;
        file = run.newDirectory("archive").resolve("archive");
    }

    boolean is(int version, boolean withTableflip, Archive from) {
        return feature == version && tableflip == withTableflip && archive == from;
    }

    int feature() {
        return feature;
    }

    Archive archive() {
        return archive;
    }

    boolean hasTableflip() {
        return tableflip;
    }

    @Override
    public String toString() {
        return (tableflip ? "with" : "without") + " tableflip, JDK " + feature + ", " + archive.text;
    }

    Sample listening() {
        return Sample.of(listening);
    }

    Sample answers() {
        return Sample.of(answers);
    }

    Sample upgrades() {
        return Sample.of(upgrades);
    }

    /** Has the archive written, by a process that has answered some requests. */
    void train() throws IOException, InterruptedException {
        if (archive == Archive.NONE) {
            return;
        }
        try (Program program = start(archive.write + file, 0)) {
            int port = Integer.parseInt(program.await(LISTENING).group(1));
            for (int i = 0; i < TRAINING_REQUESTS; i++) {
                BootClient.generation(new InetSocketAddress("127.0.0.1", port));
            }
            if (tableflip) {
                program.await(Pattern.compile("prepared for the next upgrade"));
            }
            Program.signal("TERM", program.pids().get(0));
            program.await("its end", () -> program.pids().isEmpty());
            if (!Files.exists(file)) {
                throw new BenchmarkException(this + ": no archive was written\n" + program.log());
            }
        }
    }

    /** Starts it once, and ends it. */
    void measure() throws IOException, InterruptedException {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        long began = System.nanoTime();
        try (Program program = start(read(), port);
                BootClient client = BootClient.connect(new InetSocketAddress("127.0.0.1", port), program)) {
            double listens = millisSince(began);
            client.get();
            listening.add(listens);
            answers.add(millisSince(began));
        }
    }

    /** A server that is upgraded now and then. */
    Program service() throws IOException, InterruptedException {
        Program program = start(read(), 0);
        try {
            program.await(Pattern.compile("prepared for the next upgrade"));
            return program;
        } catch (InterruptedException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    /** Upgrades it, from the signal to the first answer of the new process, and waits until that is alone and can be upgraded. */
    void measureUpgrade(Program program) throws IOException, InterruptedException {
        InetSocketAddress address = new InetSocketAddress(
                "127.0.0.1", Integer.parseInt(program.await(LISTENING).group(1)));
        int generation = BootClient.generation(address);
        long began = System.nanoTime();
        Program.signal("HUP", program.pids().get(0));
        while (BootClient.generation(address) == generation) {
            if (millisSince(began) > 60_000) {
                throw new BenchmarkException(this + ": no upgrade within a minute\n" + program.log());
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1)); // leaves the processors to the boot
        }
        upgrades.add(millisSince(began));
        String prepared = "prepared for the next upgrade";
        program.await(Pattern.compile("(?s)(" + prepared + ".*?){" + (generation + 1) + "}"));
        program.await("the end of the old process", () -> program.pids().size() == 1);
    }

    private String read() {
        return archive.read.isEmpty() ? "" : archive.read + file;
    }

    /** @param option of the JVM, empty for none */
    private Program start(String option, int port) throws IOException {
        Path directory = run.newDirectory("boot");
        List<String> arguments = new ArrayList<>(List.of("--listen", "127.0.0.1:" + port));
        if (tableflip) {
            arguments.add(0, "http");
            // A warm-up is no boot, and one that gives way is not as fast as it can be.
            String pidFile = directory.resolve("pid").toString();
            arguments.addAll(List.of("--pid-file", pidFile, "--idle-boot", "0s", "--warm-up", "0s", "--spread", "0s"));
        }
        List<String> command = Program.java(
                home,
                option.isEmpty() ? List.of() : List.of(option),
                tableflip ? io.tableflip.examples.Main.class : PlainServer.class,
                arguments);
        return Program.start(toString(), directory, command, environment -> {});
    }

    private static double millisSince(long began) {
        return (System.nanoTime() - began) / 1e6;
    }

    /** Those that this machine has; in a short run archives with tableflip alone, in the shortest one JDK. */
    static List<Boot> all(Run run, boolean archives) throws IOException {
        List<Boot> boots = new ArrayList<>();
        for (int feature : run.scale() == Scale.SMOKE ? new int[] {17} : new int[] {17, 25}) {
            Path home = Machine.jdk(feature).orElse(null);
            if (home == null) {
                run.report().leaveOut("boot with JDK " + feature, "no such JDK");
                continue;
            }
            for (boolean tableflip : List.of(false, true)) {
                boots.add(new Boot(run, home, feature, tableflip, Archive.NONE));
                boolean withArchives = archives && (tableflip || run.scale() != Scale.QUICK);
                if (withArchives) {
                    boots.add(new Boot(run, home, feature, tableflip, Archive.CDS));
                }
                if (withArchives && feature >= 25) {
                    boots.add(new Boot(run, home, feature, tableflip, Archive.AOT));
                }
            }
        }
        return boots;
    }
}
