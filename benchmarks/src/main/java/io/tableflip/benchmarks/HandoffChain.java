package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** A server that hands its listeners from generation to generation, one step at a time. Not thread-safe. */
final class HandoffChain implements AutoCloseable {
    private final Path directory;
    private final Program program;
    private int generation = 1;

    private HandoffChain(Path directory, Program program) {
        this.directory = directory;
        this.program = program;
    }

    /** Starts the first generation. */
    static HandoffChain start(String name, Path directory, List<String> command) throws IOException {
        return new HandoffChain(directory, Program.start(name, directory, command, environment -> {}));
    }

    /** Waits until the newest generation can upgrade. */
    void awaitSettled() throws InterruptedException {
        program.await(Pattern.compile("^settled " + generation + "$", Pattern.MULTILINE));
    }

    /** Lets it upgrade, and waits until the child is alone and can upgrade too. */
    Handoff upgrade() throws IOException, InterruptedException {
        Files.createFile(directory.resolve("go." + generation));
        generation++;
        program.await(Pattern.compile("^parent " + generation + " ", Pattern.MULTILINE));
        awaitSettled();
        return Handoff.parse(program.log(), generation);
    }

    /** Waits for the end of its last process, which ends by itself after as many upgrades as it was started for. */
    void awaitEnd() throws InterruptedException {
        program.await("its end", () -> program.pids().isEmpty());
    }

    @Override
    public void close() {
        program.close();
    }
}
