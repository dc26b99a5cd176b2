package io.tableflip.benchmarks;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One upgrade, seen from inside both processes; in milliseconds.
 *
 * @param spawn from the call of upgrade in the parent until the child was started
 * @param adopt in the child, from before it reads the names of the descriptors until it has a listener of each
 * @param commit from the call of ready in the child until upgrade has returned in the parent
 * @param whole from the call of upgrade until that has returned
 */
record Handoff(double spawn, double adopt, double commit, double whole) {
    /** Reads it from what both have printed. */
    static Handoff parse(String log, int generation) {
        Matcher child = find(log, "child " + generation + " names (\\d+) adopted (\\d+) ready (\\d+)");
        Matcher parent = find(log, "parent " + generation + " call (\\d+) spawned (\\d+) returned (\\d+)");
        Handoff handoff = new Handoff(
                millis(parent, 1, parent, 2),
                millis(child, 1, child, 2),
                millis(child, 3, parent, 3),
                millis(parent, 1, parent, 3));
        if (Math.min(handoff.spawn, Math.min(handoff.adopt, handoff.commit)) < 0 || handoff.sum() > handoff.whole) {
            throw new BenchmarkException("these times cannot be: " + handoff + "\n" + log);
        }
        return handoff;
    }

    private static Matcher find(String log, String line) {
        Matcher matcher = Pattern.compile("^" + line + "$", Pattern.MULTILINE).matcher(log);
        if (!matcher.find()) {
            throw new BenchmarkException("no line \"" + line + "\" in\n" + log);
        }
        return matcher;
    }

    private static double millis(Matcher from, int begin, Matcher to, int end) {
        return (Long.parseLong(to.group(end)) - Long.parseLong(from.group(begin))) / 1e6;
    }

    /** All but the boot of the child. */
    double sum() {
        return spawn + adopt + commit;
    }
}
