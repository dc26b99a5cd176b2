package io.tableflip.testsupport;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * A program and every process that follows from it. A variable in their environment marks them, so that none is left behind, whatever
 * became of its parent.
 */
public final class ProcessFamily implements AutoCloseable {
    private static final String MARK = "TABLEFLIP_TEST";

    /** More than it takes to kill a process that is spawning another just then. */
    private static final int MOST_ROUNDS = 100;

    private final String mark;
    private final Process first;

    /** One that ran at the last look. */
    private volatile long seen = -1;

    private ProcessFamily(String mark, Process first) {
        this.mark = mark;
        this.first = first;
    }

    /**
     * Starts a program, with the signals of a service at their defaults. It reads from {@code /dev/null}, and writes its errors where it
     * writes all else.
     *
     * @param builder says where that is
     */
    public static ProcessFamily start(ProcessBuilder builder) throws IOException {
        String value = UUID.randomUUID().toString();
        List<String> command = new ArrayList<>(Signals.heeded());
        command.addAll(builder.command());
        builder.environment().put(MARK, value);
        Process first = builder.command(command)
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .start();
        return new ProcessFamily(MARK + "=" + value, first);
    }

    /** The process that was started. */
    public Process first() {
        return first;
    }

    /** The processes that run. */
    public List<Long> running() {
        return Proc.withEnvironment(mark);
    }

    /** Whether none runs. The first one counts from its start, though its mark shows only when it has come to its program. */
    public boolean hasEnded() {
        if (first.isAlive() || (Proc.isRunning(seen) && Proc.hasEnvironment(seen, mark))) {
            return false; // without a look at all processes of the machine
        }
        List<Long> running = running();
        running.forEach(pid -> seen = pid);
        return running.isEmpty();
    }

    /** Kills all that are left, and waits until they have gone. */
    @Override
    public void close() {
        List<Long> left = running();
        for (int i = 0; i < MOST_ROUNDS && !left.isEmpty(); i++) {
            List<Long> killed = left;
            killed.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
            Await.until("killed", () -> killed.stream().noneMatch(Proc::isRunning));
            left = running();
        }
    }
}
