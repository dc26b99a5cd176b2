package io.tableflip.benchmarks;

import io.tableflip.benchmarks.Boot.Archive;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;
import java.util.stream.Stream;

/** How long a new process takes until it listens and answers, with and without tableflip and an archive of its classes. */
final class BootPart implements Part {
    private static final double MAX_WITH_TABLEFLIP = 1.05;
    private static final double MAX_WITH_ARCHIVE = 0.75;

    @Override
    public String name() {
        return "boot";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        boolean archives = isOfJars();
        if (!archives) {
            run.report().leaveOut("class-data archives", "this class path has directories, which they cannot have");
        }
        List<Boot> boots = Boot.all(run, archives);
        for (Boot boot : boots) {
            boot.train();
        }
        starts(run, boots);
        upgrades(run, boots.stream().filter(Boot::hasTableflip).toList());
    }

    private static boolean isOfJars() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .noneMatch(entry -> Files.isDirectory(Path.of(entry)));
    }

    /** There and back again, so that what disturbs the machine for a while disturbs all alike. */
    private static void starts(Run run, List<Boot> boots) throws IOException, InterruptedException {
        for (int round = 0; round < run.repeats(); round++) {
            for (int i = 0; i < boots.size(); i++) {
                boots.get(round % 2 == 0 ? i : boots.size() - 1 - i).measure();
            }
        }
        Table table = run.report()
                .table("Boot: a first process", "", "to listening (ms)", "ratio", "to first answer (ms)", "ratio");
        for (Boot boot : boots) {
            Boot base = first(boots, boot.feature(), false, Archive.NONE);
            table.row(
                    boot,
                    boot.listening().text(0),
                    ratio(boot.listening(), base.listening()),
                    boot.answers().text(0),
                    ratio(boot.answers(), base.answers()));
        }
        table.note(
                "From just before its process is made to the first connection that is accepted, and to the answer on it; median (least to"
                        + " greatest) of " + run.repeats()
                        + "; ratio to the server without tableflip and archive on the same JDK. Without tableflip:"
                        + " the same transport, pipeline and answer.");
        bars(run, boots);
    }

    private static void bars(Run run, List<Boot> boots) {
        for (Boot boot : boots) {
            if (!boot.hasTableflip()) {
                continue;
            }
            Sample plain = first(boots, boot.feature(), boot.archive() != Archive.NONE, Archive.NONE)
                    .listening();
            double ratio = boot.listening().median() / plain.median();
            String what = "boot to listening, JDK " + boot.feature() + ": ";
            if (boot.archive() == Archive.NONE) {
                run.report().bar(Bar.atMost(what + "with tableflip / without", MAX_WITH_TABLEFLIP, ratio, null));
            } else {
                run.report()
                        .bar(Bar.atMost(what + boot.archive().text + " / no archive", MAX_WITH_ARCHIVE, ratio, null));
            }
        }
    }

    private static void upgrades(Run run, List<Boot> boots) throws IOException, InterruptedException {
        Map<Boot, Program> services = new LinkedHashMap<>();
        try {
            for (Boot boot : boots) {
                services.put(boot, boot.service());
            }
            for (int round = 0; round < run.repeats(); round++) {
                for (Entry<Boot, Program> service : services.entrySet()) {
                    service.getKey().measureUpgrade(service.getValue());
                }
            }
        } finally {
            services.values().forEach(Program::close);
        }
        Table table = run.report()
                .table("Boot: the child of an upgrade", "", "signal to first answer of the child (ms)", "ratio");
        for (Boot boot : boots) {
            Boot base = first(boots, boot.feature(), true, Archive.NONE);
            table.row(boot, boot.upgrades().text(0), ratio(boot.upgrades(), base.upgrades()));
        }
        table.note(
                "The parent serves until the child takes over, and is asked by one client after the other meanwhile, each on a new connection; ratio to the same"
                        + " JDK without archive.");
    }

    private static Boot first(List<Boot> boots, int feature, boolean tableflip, Archive archive) {
        return boots.stream()
                .filter(boot -> boot.is(feature, tableflip, archive))
                .findFirst()
                .orElseThrow();
    }

    private static String ratio(Sample one, Sample other) {
        return String.format("%.2f", one.median() / other.median());
    }
}
