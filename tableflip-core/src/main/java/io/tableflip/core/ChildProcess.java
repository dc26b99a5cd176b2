package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.util.concurrent.CompletableFuture;

/** A process that an upgrade spawned. Thread-safe. */
final class ChildProcess {
    static final int SIGKILL = 9;
    static final int SIGTERM = 15;
    /** The system does not tell how it ended. */
    static final int UNKNOWN = -1;

    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final int pid;
    private final Os os;
    private final CompletableFuture<Integer> ended = new CompletableFuture<>();

    ChildProcess(int pid, Os os) {
        this.pid = pid;
        this.os = os;
    }

    /** Begins to wait for its end, on a thread of its own: a child that nobody waits for stays a zombie. */
    void watch() {
        Thread reaper = new Thread(this::reap, "tableflip-child-" + pid);
        reaper.setDaemon(true);
        reaper.start();
    }

    private void reap() {
        try {
            ended.complete(os.waitFor(pid));
        } catch (SystemCallException e) {
            LOG.log(WARNING, "child " + pid, e);
            ended.complete(UNKNOWN);
        }
    }

    int pid() {
        return pid;
    }

    /** Completes when it has ended and was reaped: exit status, 128 + signal number, or {@link #UNKNOWN}. */
    CompletableFuture<Integer> ended() {
        return ended;
    }

    /** Whether it runs, zombies excluded. */
    boolean isAlive() {
        return !ended.isDone() && os.isRunning(pid);
    }

    void kill(int signal) {
        // once it was reaped the number may be another process
        if (ended.isDone()) {
            return;
        }
        try {
            os.kill(pid, signal);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "child " + pid, e);
        }
    }

    /** {@code exit status 3}, {@code killed by signal 9}. */
    static String describe(int status) {
        if (status == UNKNOWN) {
            return "exit status unknown, since SIGCHLD is ignored";
        }
        return status > 128
                ? "killed by signal " + (status - 128) + ", or exit status " + status
                : "exit status " + status;
    }
}
