package io.tableflip.core.os;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A process that an upgrade spawned. Thread-safe. */
public final class ChildProcess {
    public static final int SIGKILL = 9;
    static final int SIGTERM = 15;
    /** The system does not tell how it ended. */
    static final int UNKNOWN = -1;

    private static final System.Logger LOG = Log.get();

    private static final Duration LOOK = Duration.ofMillis(100);

    private final int pid;
    private final Os os;
    private final CompletableFuture<Integer> ended = new CompletableFuture<>();
    private boolean left; // guarded by this
    private boolean reaped; // guarded by this

    private ChildProcess(int pid, Os os) {
        this.pid = pid;
        this.os = os;
    }

    /**
     * Starts a process, and waits for its end on a thread of its own: a child that nobody waits for stays a
     * zombie. The thread comes first, since it may be the one thing that cannot be had.
     */
    public static ChildProcess spawn(Os os, Os.SpawnRequest request) throws SystemCallException {
        CompletableFuture<@Nullable ChildProcess> spawned = new CompletableFuture<>();
        Thread reaper = new Thread(() -> reap(spawned), "tableflip-child");
        reaper.setDaemon(true);
        reaper.start();
        try {
            ChildProcess child = new ChildProcess(os.spawn(request), os);
            spawned.complete(child);
            return child;
        } finally {
            spawned.complete(null); // unless there is one
        }
    }

    private static void reap(CompletableFuture<@Nullable ChildProcess> spawned) {
        ChildProcess child = spawned.join();
        if (child != null) {
            Thread.currentThread().setName("tableflip-child-" + child.pid);
            child.reap();
        }
    }

    private void reap() {
        int status = UNKNOWN;
        try {
            status = os.awaitEnd(pid);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "child " + pid, e);
            // it lives on, and must not be taken for one that has ended: it could be killed no more
            while (os.isRunning(pid)) {
                LockSupport.parkNanos(LOOK.toNanos());
            }
        }
        ended.complete(reapUnlessLeft(status));
    }

    private synchronized int reapUnlessLeft(int status) {
        if (left) {
            return status;
        }
        reaped = true;
        try {
            return os.waitFor(pid);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "child " + pid + " stays a zombie", e);
            return UNKNOWN;
        }
    }

    public int pid() {
        return pid;
    }

    /**
     * Does not reap the process when it ends: it stays a zombie until this process has exited. The process
     * that adopts it then (the launcher of a container, systemd) learns its exit status.
     *
     * @return false if it has ended already, and is reaped
     */
    public synchronized boolean leave() {
        left = isAlive();
        return left;
    }

    /**
     * Completes when it has ended: exit status, 128 + signal number, or {@link #UNKNOWN}. It is reaped by
     * then, unless it was left.
     */
    public CompletableFuture<Integer> ended() {
        return ended;
    }

    /** Whether it runs, zombies excluded. */
    public boolean isAlive() {
        return !ended.isDone() && os.isRunning(pid);
    }

    public synchronized void kill(int signal) {
        if (reaped) {
            return; // the number may be another process
        }
        try {
            os.kill(pid, signal);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "child " + pid, e);
        }
    }

    /** As {@link Os#setIdle}. */
    public synchronized void setIdle(boolean idle) throws SystemCallException {
        if (!reaped) {
            os.setIdle(pid, idle);
        }
    }

    /** {@code exit status 3}, {@code killed by signal 9}. */
    public static String describe(int status) {
        if (status == UNKNOWN) {
            return "exit status unknown, since SIGCHLD is ignored or waitpid fails";
        }
        return status > 128
                ? "killed by signal " + (status - 128) + ", or exit status " + status
                : "exit status " + status;
    }
}
