package io.tableflip.core;

import java.util.function.IntSupplier;

/**
 * Hears of what happens in this process, for those who tell others: the service manager for example. The calls come one after the other from
 * a thread of their own, so that they may block.
 */
interface Observer {
    /** This process is the service. In a child, its parent may still finish its last connections. */
    default void serving() {}

    /** Child: the process of the parent has ended, and is not the parent of this one any more. */
    default void parentExited() {}

    /** An upgrade has begun. */
    default void upgradeBegan() {}

    /** One was asked for that cannot be. */
    default void upgradeRefused(UpgradeException reason) {}

    /** The upgrade failed, this process serves on. */
    default void upgradeFailed(UpgradeException reason) {}

    /** The child accepts connections, and this process drains. */
    default void takenOver(long pid) {}

    /** The child is the service. */
    default void upgraded(long pid) {}

    /**
     * This process drains; called again every second until it has.
     *
     * @param left how many connections have not ended
     */
    default void draining(IntSupplier left) {}

    /** This process was told to stop. */
    default void stopping() {}
}
