package io.tableflip.core.os;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.text.RawString;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The calls that need native code. Loading the real one ({@link NativeOs}) costs hundreds of milliseconds in
 * a fresh JVM, so nothing on a child's way to its takeover may touch it.
 */
public interface Os {
    /** Error number: the operation is not permitted. */
    int EPERM = 1;

    /** Error number: nobody reads from the pipe any more. */
    int EPIPE = 32;

    /** What {@link #read} answers when there is nothing to read now. */
    int WOULD_BLOCK = -1;

    /**
     * Makes the calls of an upgrade without one. Much of what makes them is loaded by the first call, and the
     * jar that it comes from may have been overwritten when the upgrade is asked for.
     */
    default void rehearse() throws SystemCallException {}

    /** A new pipe, both ends close-on-exec from birth. */
    Pipe pipe() throws SystemCallException;

    /** A duplicate, close-on-exec, numbered {@code min} or higher. */
    int duplicate(int fd, int min) throws SystemCallException;

    void close(int fd) throws SystemCallException;

    void setCloseOnExec(int fd) throws SystemCallException;

    /** Sets O_NONBLOCK, on the description: whoever shares it sees that too. */
    void setNonBlocking(int fd) throws SystemCallException;

    /** Whether O_NONBLOCK is set. */
    boolean isNonBlocking(int fd) throws SystemCallException;

    /** How many bytes stand in a pipe that nobody has read. */
    int unread(int fd) throws SystemCallException;

    /** A new empty file in memory, close-on-exec; it is gone when nobody has it open any more. */
    int memoryFile() throws SystemCallException;

    /** Makes a pipe take that many bytes at once, or as many as the system allows anybody. */
    void enlargePipe(int fd, int bytes);

    /** Opens a file, close-on-exec. */
    int open(String path, int flags, int mode) throws SystemCallException;

    /** Reads from a non-blocking descriptor: the count, 0 at end-of-file, or {@link #WOULD_BLOCK}. */
    int read(int fd, byte[] buffer) throws SystemCallException;

    /** Reads from a file, at an offset: the count, 0 at its end. */
    int readAt(int fd, byte[] buffer, long offset) throws SystemCallException;

    /** Writes to a non-blocking descriptor: the count, or {@link #WOULD_BLOCK}. */
    int write(int fd, byte[] bytes, int offset) throws SystemCallException;

    /**
     * Sends a datagram to a Unix socket, if there is room for it at once.
     *
     * @param address a path, or an abstract name with a zero in front of it; 107 bytes at most
     */
    void sendDatagram(byte[] address, byte[] message) throws SystemCallException;

    /**
     * Blocks until one of the descriptors can be read, or {@code writable} (unless -1) be written. Wakes
     * early at will.
     */
    void poll(int[] readable, int writable) throws SystemCallException;

    /** Two connected Unix sockets of type SOCK_SEQPACKET, close-on-exec from birth. */
    SocketPair socketPair() throws SystemCallException;

    /** One of {@link #socketPair}, as the owner of that number. */
    MessageSocket messageSocket(int fd);

    /** Starts a process. */
    int spawn(SpawnRequest request) throws SystemCallException;

    /**
     * Blocks until a child of ours has ended, and leaves it a zombie.
     *
     * @return the exit status, 128 + signal number, or -1 when the system does not tell (SIGCHLD ignored)
     */
    int awaitEnd(int pid) throws SystemCallException;

    /**
     * Blocks until a child of ours has ended, and reaps it.
     *
     * @return as {@link #awaitEnd}
     */
    int waitFor(int pid) throws SystemCallException;

    void kill(int pid, int signal) throws SystemCallException;

    /**
     * Gives all threads of a process that have the scheduling policy SCHED_OTHER the policy SCHED_IDLE, or
     * takes it back. Threads that they begin have it too.
     *
     * @param pid this process, or a descendant
     * @throws SystemCallException if that is refused, or the process has gone
     */
    void setIdle(int pid, boolean idle) throws SystemCallException;

    /**
     * Takes the policy SCHED_IDLE from a process, and as far as that is possible from those that it has
     * begun.
     *
     * @throws SystemCallException if it cannot be taken from the process itself
     */
    void takeBackIdle(int pid) throws SystemCallException;

    /** Whether a child of ours has not ended yet. */
    boolean isRunning(int pid);

    /** The two ends of a pipe, and the inode by which both processes know it. */
    record Pipe(int readEnd, int writeEnd, long inode) {}

    /** The two ends of a pair of sockets, and the inode by which the child knows its own. */
    record SocketPair(int ours, int childs, long inode) {}

    /**
     * What to start; all text is {@link RawString}.
     *
     * @param executable its path
     * @param arguments the whole argv
     * @param environment {@code NAME=value} each
     * @param directory the working directory, or {@code null} for that of this process
     * @param fds the i-th one becomes descriptor {@code 3 + i} of the child; it has no others but 0, 1 and 2
     * @param output becomes descriptors 1 and 2 of the child; {@link #INHERITED} for those of this process
     */
    record SpawnRequest(
            String executable,
            List<String> arguments,
            List<String> environment,
            @Nullable String directory,
            List<Integer> fds,
            int output) {
        /** The child prints where this process does. */
        public static final int INHERITED = -1;

        /** A child that prints where this process does. */
        public SpawnRequest(
                String executable,
                List<String> arguments,
                List<String> environment,
                @Nullable String directory,
                List<Integer> fds) {
            this(executable, arguments, environment, directory, fds, INHERITED);
        }
    }
}
