package io.tableflip.core.os;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.SystemCallException;
import io.tableflip.testsupport.Await;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How a real child process ends. */
class ChildProcessTest {
    private static final int STATUS = 3;

    private final NativeOs os = new NativeOs();

    private ChildProcess spawn(String script) throws SystemCallException {
        return ChildProcess.spawn(
                os, new Os.SpawnRequest("/bin/sh", List.of("sh", "-c", script), List.of(), "/", List.of()));
    }

    @Test
    void isReaped() throws Exception {
        ChildProcess child = spawn("exit " + STATUS);
        assertEquals(STATUS, Await.get(child.ended()));
        assertEquals(-1, os.waitFor(child.pid()), "no child any more");
        child.kill(ChildProcess.SIGKILL); // the number may be another process
    }

    @Test
    void isLeftAZombie() throws Exception {
        ChildProcess child = spawn("exec sleep 1000");
        assertTrue(child.leave());
        child.kill(ChildProcess.SIGTERM);
        int status = 128 + ChildProcess.SIGTERM;
        assertEquals(status, Await.get(child.ended()));
        assertFalse(child.isAlive());
        assertEquals(status, os.waitFor(child.pid()), "still there");
    }

    /** The parent that has lost its child before the commit serves on, and so would the zombie. */
    @Test
    void isReapedIfItHasEndedBefore() throws Exception {
        ChildProcess child = spawn("exit " + STATUS);
        Await.until("ended", () -> !os.isRunning(child.pid()));
        assertFalse(child.leave());
        assertEquals(STATUS, Await.get(child.ended()));
        assertEquals(-1, os.waitFor(child.pid()), "no child any more");
    }
}
