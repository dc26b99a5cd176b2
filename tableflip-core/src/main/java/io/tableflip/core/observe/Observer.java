package io.tableflip.core.observe;

import io.tableflip.core.DrainReport;
import io.tableflip.core.UpgradeException;
import java.time.Instant;
import java.util.function.IntSupplier;

/**
 * Hears of what happens in this process, for those who tell others: the user's listener, the service manager,
 * a file, the JVM's own instruments. The calls come one after the other, in the order of the steps, from a
 * thread of {@link Observers}, so that they may block.
 */
public interface Observer {
    /** This process is the service. In a child, its parent may still finish its last connections. */
    default void serving() {}

    /** Child: the process of the parent has ended, and is not the parent of this one any more. */
    default void parentExited() {}

    /** An upgrade has begun. */
    default void upgradeBegan() {}

    /**
     * One was requested by a signal that has to wait: {@link #upgradeBegan} follows, here or in the child.
     */
    default void upgradeDeferred(UpgradeException reason) {}

    /** One was requested that cannot be. */
    default void upgradeRefused(UpgradeException reason) {}

    /** The upgrade that has begun goes on, but what it starts may not be what the operator expects. */
    default void upgradeWarning(String warning) {}

    /** The child is a process. */
    default void spawned(long pid) {}

    /** The upgrade failed, this process serves on. */
    default void upgradeFailed(UpgradeException reason) {}

    /** The child accepts connections, and this process drains. */
    default void takenOver(long pid) {}

    /** The child is the service. */
    default void upgraded(long pid) {}

    /** This process begins to drain: {@link #draining} follows. */
    default void drainBegan() {}

    /**
     * This process drains; called again every second until it has.
     *
     * @param left how many connections have not ended; may be asked by any thread, at any time
     * @param ends when those that are left then are cut
     */
    default void draining(IntSupplier left, Instant ends) {}

    /** This process has drained. Does not come after a rollback. */
    default void drained(DrainReport report) {}

    /** This process was told to stop. */
    default void stopping() {}
}
