package io.tableflip.core;

import java.util.function.Consumer;

/** Lets programs of the integration tests stop inside an upgrade. */
public final class CheckpointHook {
    private CheckpointHook() {}

    /**
     * Installs it.
     *
     * @param reached gets the name of each {@link Checkpoint}; the process goes on when it returns
     */
    public static void install(UpgraderBuilder builder, Consumer<String> reached) {
        builder.checkpoints(checkpoint -> reached.accept(checkpoint.name()));
    }
}
