package io.tableflip.core;

/**
 * Hears of each step of an upgrade. Every method does nothing by default.
 *
 * <p>The calls come one after the other, in the order of the steps, from a thread that does nothing else: a
 * listener may block without holding up an upgrade. What it throws is logged and changes nothing. At its end
 * the process waits up to one second for the listener; calls that still wait then are lost.
 */
public interface LifecycleListener {
    /** Parent: the child was spawned. */
    default void spawned(long pid) {}

    /**
     * Parent: the child accepts connections; this process no longer does. A level 1 child goes to
     * {@link #committed} directly.
     */
    default void childReady(long pid) {}

    /** This process drains, because a child took over or for good. */
    default void draining() {}

    /** This process has drained: to the end of all work, or to the drain timeout. */
    default void drained(DrainReport report) {}

    /** Parent: the child is the service now. */
    default void committed(long pid) {}

    /** Parent: the upgrade failed, this process serves on. */
    default void rolledBack(UpgradeException reason) {}

    /** Child: the parent has gone, an upgrade is possible again. */
    default void parentExited() {}
}
