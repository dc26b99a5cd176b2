package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.launch.JavaCommand;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.launch.PortOptions;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ChildProcess;
import io.tableflip.core.os.Os;
import io.tableflip.core.text.LastLines;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds out why a child has ended before this library started in it: an agent or a debugger finds its port
 * taken, an option is unknown, the jar is missing. What the child has printed about it went where this
 * process prints. So its command is run once more, only as far as main, and prints into a file.
 *
 * <p>The output of the child itself is not captured. It would have to pass through a pipe, and a child that
 * does not know this library (an older release of it, another program at the end of a start script) would
 * hang at that pipe once this process has exited.
 *
 * <p>Only for the thread of the loop, except for methods that say otherwise.
 */
final class EarlyEnd {
    private static final System.Logger LOG = Log.get();

    /** How long the run may take. One that gets further than the child did may wait for a debugger. */
    private static final Duration RUN_LIMIT = Duration.ofSeconds(10);

    /** How often to look whether a start script has become a JVM. */
    private static final Duration LOOK = Duration.ofMillis(10);

    /** The signals HUP, INT, KILL and TERM come from outside: no second run would get them. */
    private static final Set<Integer> NO_FAILURE = Set.of(-1, 0, 128 + 1, 128 + 2, 128 + 9, 128 + 15);

    /** An option that opens a port may be the reason. */
    private static final Pattern PORT =
            Pattern.compile("in use|bind|-javaagent|agent library", Pattern.CASE_INSENSITIVE);

    private final Context context;
    private final Os os;
    private final Launcher launcher;
    private final ChildCommand command;
    private final ChildProcess child;
    private Optional<JavaCommand> java;
    private @Nullable ChildProcess run;
    private boolean cut;

    /** @param request what the child was started with */
    EarlyEnd(
            Context context,
            Os os,
            Launcher launcher,
            ChildCommand command,
            Os.SpawnRequest request,
            ChildProcess child) {
        this.context = context;
        this.os = os;
        this.launcher = launcher;
        this.command = command;
        this.child = child;
        java = JavaCommand.of(request);
        if (java.isEmpty()) {
            look();
        }
    }

    /** A start script becomes a JVM, which cannot be seen any more when it has ended. */
    private void look() {
        if (context.phase() == Phase.SPAWNING || context.phase() == Phase.STARTING) {
            java = launcher.runningJava(child.pid());
            if (java.isEmpty()) {
                context.loop().schedule(LOOK, this::look);
            }
        }
    }

    /**
     * What there is to be said about a child that has ended with this status, to be put behind that; empty if
     * there is nothing. Never fails.
     */
    CompletableFuture<String> explain(int status) {
        if (NO_FAILURE.contains(status) || cut) {
            return CompletableFuture.completedFuture("");
        }
        if (java.isEmpty()) {
            return CompletableFuture.completedFuture(sentence(PortOptions.describe(command)));
        }
        JavaCommand again = java.get();
        try {
            return run(again).handle((printed, problem) -> {
                if (problem != null) {
                    LOG.log(WARNING, "a bug in tableflip, please report it", problem);
                }
                return problem == null ? printed : "";
            });
        } catch (SystemCallException | RuntimeException | Error e) {
            LOG.log(DEBUG, "why the child has ended cannot be found out", e);
            return CompletableFuture.completedFuture(sentence(PortOptions.describe(again.command())));
        }
    }

    private CompletableFuture<String> run(JavaCommand again) throws SystemCallException {
        int output = os.memoryFile();
        ChildProcess started;
        try {
            started = ChildProcess.spawn(os, again.dryRun(output));
        } catch (SystemCallException | RuntimeException | Error e) {
            os.close(output);
            throw e;
        }
        run = started;
        context.loop().schedule(RUN_LIMIT, this::cut);
        return started.ended().thenApplyAsync(status -> explained(again, lines(output), status), context.workers());
    }

    /** Ends the run: nobody waits for its result any more. */
    void cut() {
        cut = true;
        if (run != null) {
            run.kill(ChildProcess.SIGKILL);
        }
    }

    private static String explained(JavaCommand again, String lines, int status) {
        if (status == 0) {
            return ". A second start, only as far as main, met no error: see what the child has printed";
        }
        if (NO_FAILURE.contains(status) || lines.isEmpty()) {
            return "";
        }
        return ". A second start, only as far as main, printed: " + lines
                + (PORT.matcher(lines).find() ? sentence(PortOptions.describe(again.command())) : "");
    }

    /** What was printed, and closes the file. Not for the thread of the loop. */
    private String lines(int output) {
        LastLines lines = new LastLines();
        try {
            byte[] buffer = new byte[8192];
            long offset = 0;
            int count = os.readAt(output, buffer, offset);
            while (count > 0) {
                lines.add(buffer, count);
                offset += count;
                count = os.readAt(output, buffer, offset);
            }
            os.close(output);
        } catch (SystemCallException e) {
            LOG.log(DEBUG, "what a second start has printed", e);
        }
        return lines.text();
    }

    private static String sentence(String text) {
        return text.isEmpty() ? "" : ". " + text;
    }
}
