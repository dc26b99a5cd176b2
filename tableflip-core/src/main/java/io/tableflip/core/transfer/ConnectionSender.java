package io.tableflip.core.transfer;

import java.util.List;

/** Sends the connections of one listener to the child. Thread-safe; never blocks. */
public interface ConnectionSender {
    /** How many bytes the records of one message may have, all in all. */
    int MAX_RECORDS = 96 * 1024;

    /** What became of a message. */
    enum Result {
        /** The connections are the child's. */
        SENT,
        /** Nothing was sent. The child has not read enough: try again in a millisecond. */
        FULL,
        /** Nothing was sent, and nothing will be: the child takes no more connections. */
        REFUSED
    }

    /** A connection. The child gets a duplicate of the descriptor. */
    final class Connection {
        private final int fd;
        private final byte[] record;

        /** @param record what the participant of the child has to know; it is not copied */
        public Connection(int fd, byte[] record) {
            this.fd = fd;
            this.record = record;
        }

        int fd() {
            return fd;
        }

        public byte[] record() {
            return record;
        }
    }

    /**
     * Takes credit for one connection: the child has granted so many at a time.
     *
     * @return false if there is none now
     */
    boolean take();

    /** Returns credit that was taken and is not needed now. */
    void giveBack();

    /**
     * Sends connections, for each of which credit was taken; all of them or none. After {@code SENT} the
     * credit is used, and the connections must be closed here, in the same task: they are the child's, even
     * if it is stopped or killed before it gets them.
     */
    Result send(List<Connection> connections);

    /** Whether the child takes no more connections of this listener. */
    boolean isRefused();

    /** Calls back, on any thread, whenever there may be credit again, or none will come. */
    void onCredit(Runnable step);
}
