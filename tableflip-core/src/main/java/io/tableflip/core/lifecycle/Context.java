package io.tableflip.core.lifecycle;

import io.tableflip.core.observe.Observers;

/**
 * What the steps of an upgrade share.
 *
 * @param pid of this process
 * @param generation of this process
 * @param isStub this process cannot upgrade, and may have several upgraders, one after the other
 */
record Context(
        Loop loop,
        StateMachine state,
        Settings settings,
        Observers observers,
        Workers workers,
        long pid,
        int generation,
        boolean isStub) {
    Phase phase() {
        return state.phase();
    }

    /** Where a test may stop this process. */
    void reached(Checkpoint checkpoint) {
        settings.checkpoints().accept(checkpoint);
    }
}
