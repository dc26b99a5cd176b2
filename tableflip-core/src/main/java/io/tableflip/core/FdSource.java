package io.tableflip.core;

import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;

/**
 * Whoever owns a descriptor that shall be passed on at an upgrade. A channel, for example.
 *
 * <p>The upgrader keeps no copy of the descriptors it knows. At each upgrade it asks their owners and
 * duplicates what is open at that moment, so that closing a channel outside an upgrade closes its port, as
 * its user expects.
 */
@FunctionalInterface
public interface FdSource {
    /**
     * Calls {@code use} with the number of the descriptor while it is certain that nobody closes it (for a
     * Netty channel: on its event loop), or not at all if it is closed. Called from any thread; must not
     * block.
     *
     * @return a stage that completes when {@code use} has returned or it is certain that it will not be
     *     called; a stage that fails makes the upgrade fail, and this process goes on serving
     */
    CompletionStage<?> lend(IntConsumer use);

    /**
     * Whether the descriptor is open. Another socket can take the name of one that is not. {@code true} by
     * default.
     */
    default boolean isOpen() {
        return true;
    }
}
