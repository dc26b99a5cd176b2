package io.tableflip.core;

/**
 * What a new process does before it takes over, so that its first clients do not wait for classes to be
 * loaded and code to be compiled. See {@link Upgrader#ready(WarmUp, java.time.Duration)}.
 */
@FunctionalInterface
public interface WarmUp {
    /**
     * Warms up, and returns when that is done. Runs on a thread of its own, which is interrupted when it is
     * to end: its time is over, the parent has exited, or this process was told to stop. The takeover does
     * not wait for one that continues.
     *
     * @throws Exception is logged; the process takes over as it is
     */
    void run() throws Exception;
}
