package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.lifecycle.ServiceFiles.Sight;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.RequestFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the PID file and the request file while this process is the service. A PID file that somebody else
 * has removed or changed is written again: a framework of the parent that deletes it at its end, or a cleaner
 * of directories. Only for the thread of the loop.
 */
final class FileWatch {
    private static final System.Logger LOG = Log.get();

    /** How often to look. */
    static final Duration LOOK = Duration.ofSeconds(1);

    /**
     * While the parent is there. Systemd reads the PID file as soon as the parent has exited, a few
     * milliseconds after a framework of the parent has deleted it.
     */
    private static final Duration LOOK_BESIDE_PARENT = Duration.ofMillis(5);

    /** How often at most it warns that the file was written again. */
    private static final Duration QUIET = Duration.ofMinutes(1);

    private final Context context;
    private final ProcFs proc;
    private final ServiceFiles files;
    private final Parent parent;
    private final Runnable requested;
    private final @Nullable RequestFile request;
    private Sight last = Sight.OURS;
    private long warned;

    /** @param requested an upgrade is requested by a file */
    FileWatch(Context context, ProcFs proc, ServiceFiles files, Parent parent, Runnable requested) {
        this.context = context;
        this.proc = proc;
        this.files = files;
        this.parent = parent;
        this.requested = requested;
        Path pidFile = context.settings().pidFile();
        request = pidFile == null || context.settings().upgradeOn().isEmpty() ? null : new RequestFile(pidFile);
    }

    /** What a look has found. */
    private record Found(Sight sight, boolean requested) {}

    /** This process is the service. */
    void begin() {
        if (files.isKept()) {
            look();
        }
    }

    private void look() {
        CompletableFuture.supplyAsync(this::find, context.workers()).whenCompleteAsync(this::found, context.loop());
    }

    private Found find() {
        return new Found(files.look(), isRequested());
    }

    private boolean isRequested() {
        try {
            return request != null && request.isThere() && request.take(proc.user());
        } catch (IOException e) {
            LOG.log(DEBUG, "the user of this process", e);
            return false;
        }
    }

    private void found(@Nullable Found found, @Nullable Throwable problem) {
        if (context.phase().isLeaving() || context.state().isJvmEnding()) { // then the file is removed
            return;
        }
        if (problem != null) {
            LOG.log(DEBUG, "the PID file cannot be looked at", problem);
        }
        if (found != null && context.phase() == Phase.SERVING) { // otherwise a child may be about to commit
            mend(found.sight());
        }
        if (found != null && found.requested()) {
            requested.run();
        }
        context.loop().schedule(parent.hasExited() ? LOOK : LOOK_BESIDE_PARENT, this::look);
    }

    private void mend(Sight sight) {
        boolean isSecondLook = sight == last;
        last = sight;
        if (sight == Sight.ANOTHERS) {
            files.leaveToOther();
        } else if (sight == Sight.MISSING || (sight == Sight.NOBODYS && isSecondLook)) {
            String before = files.describe();
            try {
                files.writeAgain();
                warn(before + ", somebody else has removed or changed it: it is written again", null);
            } catch (IOException e) {
                warn(before + ", and cannot be written again", e);
            }
        }
    }

    private void warn(String message, @Nullable Throwable problem) {
        long now = System.nanoTime();
        boolean isQuiet = warned != 0 && now - warned < QUIET.toNanos();
        LOG.log(isQuiet ? DEBUG : WARNING, message, problem);
        warned = isQuiet ? warned : now;
    }
}
