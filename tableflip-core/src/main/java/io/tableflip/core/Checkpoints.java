package io.tableflip.core;

/** Hears of each {@link Checkpoint}. */
@FunctionalInterface
interface Checkpoints {
    /** What everybody but a test uses. */
    Checkpoints NONE = checkpoint -> {};

    /** The process has come to that point, and goes on when this returns. */
    void reached(Checkpoint checkpoint);
}
