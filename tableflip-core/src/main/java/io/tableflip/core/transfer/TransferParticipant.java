package io.tableflip.core.transfer;

import io.tableflip.core.DrainReport;
import io.tableflip.core.Participant;
import java.time.Duration;
import java.util.concurrent.CompletionStage;

/**
 * A participant with connections that can go on in the child. In an upgrade to a child that takes them, the
 * calls after {@code pause} are {@link #drainOthers}, and after the commit {@link #transfer}, in place of
 * {@code drain}. Should the process be stopped in between, {@code drain} follows instead.
 */
public interface TransferParticipant extends Participant {
    /**
     * Whether it takes, or gives, connections. That ends when its listener is closed. Called from any thread;
     * must not block.
     */
    boolean transfers();

    /**
     * Drains the connections that can never be transferred, and serves the others as before.
     *
     * @param timeout as of {@link #drain}
     * @return completes when no connection is left that has to leave before the commit
     */
    CompletionStage<DrainReport> drainOthers(Duration timeout);

    /**
     * The child is the service: transfers its connections, and drains those that cannot be transferred.
     *
     * @param timeout how long that may take from now on
     * @return completes when nothing is left
     */
    CompletionStage<DrainReport> transfer(Duration timeout, ConnectionSender sender);

    /**
     * Takes a connection from the parent.
     *
     * @param fd belongs to the participant from now on
     * @param record what the participant of the parent has sent with it
     * @return completes when this process reads from the connection, or has closed it
     */
    CompletionStage<?> adopt(int fd, byte[] record);
}
