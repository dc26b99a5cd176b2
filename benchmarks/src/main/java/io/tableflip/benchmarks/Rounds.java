package io.tableflip.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Trials of several contenders, who take turns. */
final class Rounds {
    /** So many failures of each trial are told as they were seen. */
    private static final int DETAILS = 3;

    private Rounds() {}

    /** One trial of one contender. */
    interface Trial {
        LoadTrial of(Contender contender) throws IOException, InterruptedException;
    }

    /** Runs them. Contenders that are not installed are left out by name. */
    static Map<String, List<LoadTrial>> run(Run run, List<Contender> contenders, int rounds, Trial trial)
            throws IOException, InterruptedException {
        List<Contender> present = present(run, contenders);
        Map<String, List<LoadTrial>> trials = new LinkedHashMap<>();
        present.forEach(contender -> trials.put(contender.name(), new ArrayList<>()));
        for (int round = 0; round < rounds; round++) {
            // Each comes in every place, so that what the one before leaves behind does not always meet the same one.
            Collections.rotate(present, -1);
            for (Contender contender : present) {
                run.progress(contender::name);
                LoadTrial seen = trial.of(contender);
                seen.load().details().stream().limit(DETAILS).forEach(detail -> run.progress(() -> "  " + detail));
                trials.computeIfAbsent(contender.name(), name -> new ArrayList<>())
                        .add(seen);
            }
        }
        return trials;
    }

    /** Those that are installed. Others are left out by name. */
    static List<Contender> present(Run run, List<Contender> contenders) {
        List<Contender> present = new ArrayList<>();
        for (Contender contender : contenders) {
            String missing = contender.missing();
            if (missing == null) {
                present.add(contender);
            } else {
                run.report().leaveOut(contender.name(), missing);
            }
        }
        return present;
    }
}
