package io.tableflip.ctl;

import static java.util.Objects.requireNonNull;

import io.tableflip.core.Upgrader;
import io.tableflip.core.os.ProcFs;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;

/**
 * The command line for a service that runs: {@code java -jar tableflip-core.jar ctl upgrade --pid-file PATH
 * --wait 60s} upgrades it and says what became of it, {@code ctl status --pid-file PATH} says how it is
 * doing. A program can offer the same by passing its arguments to {@link #run}.
 *
 * <p>It needs no open port: it sends the service the signal of {@link Upgrader.Builder#upgradeOn}, and reads
 * the PID file and the status file beside it, {@code PATH.status}, which is readable for the service's user
 * alone. So it must be run as that user, or as root. Needs no native code, and nothing but this class path.
 */
public final class Ctl {
    private static final String HELP = """
            usage: ctl upgrade --pid-file PATH [--wait TIME] [--signal NAME]
                   ctl status --pid-file PATH [--json]

            upgrade   sends the service its signal, and returns when the old process has ended or the upgrade has failed;
                      if another upgrade is in progress, waits for the one that follows it
            status    says which process is the service, and how the last upgrade went

            --pid-file PATH   the PID file of the service
            --wait TIME       how long to wait at most: 90s, 500ms, 2m, or seconds; 2m by default
            --json            the status as one line of JSON
            --signal NAME     instead of the first one of upgradeOn(...), or where the service has no status file

            exit status: 0 upgraded, or running; 1 refused or failed; 2 wrong usage; 3 not running; 4 not decided in time""";

    private Ctl() {}

    /** Runs the command and ends the JVM with its exit status. */
    public static void main(String[] args) throws InterruptedException {
        System.exit(run(Arrays.asList(args), System.out, System.err));
    }

    /**
     * Runs the command.
     *
     * @param args {@code upgrade} or {@code status} and their options; {@code ctl} may stand before them
     * @param out gets the outcome, in one line
     * @param err gets what is wrong
     * @return the exit status: 0 upgraded, or running; 1 refused or failed; 2 wrong usage; 3 no such service
     *     runs; 4 the time to wait has passed
     * @throws InterruptedException if the thread is interrupted while it waits; the upgrade goes on
     */
    public static int run(List<String> args, PrintStream out, PrintStream err) throws InterruptedException {
        CtlOptions options;
        try {
            options = CtlOptions.parse(args);
        } catch (IllegalArgumentException e) {
            err.println(e.getMessage() + "\n\n" + HELP);
            return CtlOutcome.USAGE;
        }
        if (options.command() == CtlOptions.Command.HELP) {
            out.println(HELP);
            return CtlOutcome.DONE;
        }
        CtlOutcome outcome = outcome(options);
        PrintStream to = outcome.status() == CtlOutcome.DONE ? out : err;
        to.println(outcome.message());
        return outcome.status();
    }

    private static CtlOutcome outcome(CtlOptions options) throws InterruptedException {
        Processes processes = new Processes(new ProcFs());
        try {
            RunningService service = RunningService.await(requireNonNull(options.pidFile()), processes);
            if (options.command() == CtlOptions.Command.STATUS) {
                StatusReport report = new StatusReport(service);
                return new CtlOutcome(CtlOutcome.DONE, options.json() ? report.json() : report.text());
            }
            return new CtlUpgrade(service, options.patience(), options.signal()).run();
        } catch (CtlOutcome.Ended e) {
            return e.outcome();
        }
    }
}
