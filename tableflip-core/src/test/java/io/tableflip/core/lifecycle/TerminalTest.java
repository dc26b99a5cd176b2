package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.os.FakeProc;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TerminalTest {
    private static final int NONE = 0;
    private static final int PTS_0 = 34816;

    @TempDir
    Path directory;

    private final TestClock now = new TestClock();
    private final Loop loop = new Loop(now);

    @AfterEach
    void close() {
        now.close();
    }

    private FakeProc proc(int terminal) throws IOException {
        FakeProc proc = new FakeProc(directory);
        has(proc, terminal);
        return proc;
    }

    private static void has(FakeProc proc, int terminal) throws IOException {
        proc.write("self/stat", "1234 (java) S 77 1234 1234 " + terminal + " 0");
    }

    private Terminal watched(FakeProc proc) throws Exception {
        Terminal terminal = new Terminal(loop, proc.fs);
        Await.get(CompletableFuture.runAsync(terminal::watch, loop));
        return terminal;
    }

    private boolean hasJustGone(Terminal terminal) throws Exception {
        return Await.get(CompletableFuture.supplyAsync(terminal::hasJustGone, loop));
    }

    @Test
    void aSignalThatComesWithTheLossIsDueToIt() throws Exception {
        FakeProc proc = proc(PTS_0);
        Terminal terminal = watched(proc);
        assertFalse(hasJustGone(terminal));
        has(proc, NONE);
        assertTrue(hasJustGone(terminal));
        assertTrue(hasJustGone(terminal), "the shell sends one, and the kernel another");
    }

    @Test
    void aLookBetweenTheLossAndTheSignalChangesNothing() throws Exception {
        FakeProc proc = proc(PTS_0);
        Terminal terminal = watched(proc);
        has(proc, NONE);
        Await.get(CompletableFuture.runAsync(terminal::watch, loop));
        assertTrue(hasJustGone(terminal));
    }

    @Test
    void aLaterSignalIsNot() throws Exception {
        FakeProc proc = proc(PTS_0);
        Terminal terminal = watched(proc);
        has(proc, NONE);
        Await.until("looked twice", () -> {
            now.addAndGet(Terminal.LOOK.toNanos());
            return !hasJustGone(terminal);
        });
    }

    @Test
    void aServiceHasNoTerminal() throws Exception {
        assertFalse(hasJustGone(watched(proc(NONE))));
    }
}
