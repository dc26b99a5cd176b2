package io.tableflip.core.lifecycle;

import io.tableflip.core.link.ChildLink;
import io.tableflip.core.os.ChildProcess;
import io.tableflip.core.transfer.OutgoingTransfer;
import org.jspecify.annotations.Nullable;

/**
 * A child of this process: the process, the link to it, and its priority.
 *
 * @param idle {@code null} if it starts at normal priority
 * @param transfer on which connections go to it; {@code null} if none will
 * @param earlyEnd why it has ended, if it cannot say so itself
 */
record SpawnedChild(
        ChildProcess process,
        ChildLink link,
        IdleBoot.@Nullable Child idle,
        @Nullable OutgoingTransfer transfer,
        EarlyEnd earlyEnd) {
    int pid() {
        return process.pid();
    }

    /** No connections go to it. */
    void transferNothing() {
        if (transfer != null) {
            transfer.end();
        }
    }

    /** Ends the process. Killing comes before closing the link: a child that has just committed would take the end of the link for the end of
     * this process, and could begin an upgrade. */
    void kill() {
        if (idle != null) {
            idle.makeNormal(); // ending takes processor time, too
        }
        process.kill(ChildProcess.SIGKILL);
    }
}
