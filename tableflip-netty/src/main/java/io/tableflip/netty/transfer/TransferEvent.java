package io.tableflip.netty.transfer;

/**
 * What happens to a connection that is transferred, as user events of its pipeline, on its event loop.
 *
 * <p>First comes {@link Leaving}: the connection has come to a boundary and is not read any more. Then either
 * {@link #TRANSFERRED}, behind which the channel closes here and goes on in the new process, or
 * {@link #CALLED_OFF}: the connection stays here, and everything is as before. An application that writes by
 * itself, on a timer for example, stops doing so at the first event, and begins again at {@code CALLED_OFF}.
 *
 * <p>In the new process {@link TransferredConnection#of} tells that a connection was transferred.
 */
public sealed interface TransferEvent permits Leaving, TransferEvent.End {
    /**
     * The connection goes on in the new process. {@code channelInactive} follows, although it was not closed.
     */
    TransferEvent TRANSFERRED = End.TRANSFERRED;

    /** The connection stays in this process, and is read again. Its drain may follow. */
    TransferEvent CALLED_OFF = End.CALLED_OFF;

    /** How it ends. */
    enum End implements TransferEvent {
        /** See {@link TransferEvent#TRANSFERRED}. */
        TRANSFERRED,
        /** See {@link TransferEvent#CALLED_OFF}. */
        CALLED_OFF
    }
}
