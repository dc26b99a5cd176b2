package io.tableflip.core.os;

import io.tableflip.core.SystemCallException;
import org.jspecify.annotations.Nullable;

/**
 * One end of a pair of Unix sockets of type SOCK_SEQPACKET. A message is some bytes and some descriptors, and
 * arrives whole or not at all. Thread-safe, for one receiver at a time.
 */
public interface MessageSocket {
    /** How many descriptors one message can have: SCM_MAX_FD. */
    int MAX_DESCRIPTORS = 253;

    /** How many bytes one message can have, less than the kernel allows by default (SO_SNDBUF). */
    int MAX_BYTES = 128 * 1024;

    /**
     * Sends a message. The receiver gets duplicates of the descriptors. Does not wait.
     *
     * @return false if there is no room: the receiver has to read first, and nothing was sent
     */
    boolean send(byte[] message, int[] fds) throws SystemCallException;

    /**
     * Waits for the next message. Its descriptors are close-on-exec, and belong to the caller.
     *
     * @return {@code null} at the end: the other side has shut down or closed its end, or this one was shut
     *     down, and everything that was sent has been received
     */
    @Nullable
    Received receive() throws SystemCallException;

    /** Receives and sends no more: {@link #receive} returns what is queued, and then the end. */
    void shutDown();

    /** Nobody may be in {@link #receive}. */
    void close();

    /** A message that was received. */
    final class Received {
        private final byte[] bytes;
        private final int[] fds;
        private final boolean isCut;

        Received(byte[] bytes, int[] fds, boolean isCut) {
            this.bytes = bytes;
            this.fds = fds;
            this.isCut = isCut;
        }

        /** At least one. */
        public byte[] bytes() {
            return bytes;
        }

        public int[] fds() {
            return fds;
        }

        /** There was no room for all of its descriptors (RLIMIT_NOFILE), and the others are lost. */
        public boolean isCut() {
            return isCut;
        }
    }
}
