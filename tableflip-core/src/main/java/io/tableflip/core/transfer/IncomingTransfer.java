package io.tableflip.core.transfer;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.MessageSocket;
import io.tableflip.core.os.Os;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The child's end of the channel: grants credit, and gives each connection to the participant of its
 * listener. Thread-safe.
 */
public final class IncomingTransfer {
    private static final System.Logger LOG = Log.get();

    /** How many connections may be on their way at a time: their clients wait meanwhile. */
    private static final int LARGEST_WINDOW = 64;

    /**
     * How many in the beginning: this process takes much longer for the first ones than for others, and the
     * parent serves those that it keeps. Each one that has arrived allows one more.
     */
    private static final int FIRST_WINDOW = 4;

    /**
     * A smaller part of the window is not granted as long as others are on their way: a grant costs system
     * calls.
     */
    private static final int SMALLEST_PART = 4;

    /** How often to look for free descriptors when there are none. */
    private static final Duration RETRY = Duration.ofMillis(100);

    private final int fd;
    private final DescriptorRoom room;
    private final BiConsumer<Duration, Runnable> timer;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    // guarded by this
    private Map<Integer, TransferParticipant> participants = Map.of();
    private final Set<Integer> refused = new HashSet<>();
    private @Nullable Os os;
    private @Nullable MessageSocket socket;
    private boolean begun;
    private boolean stopping;
    private int window = FIRST_WINDOW;
    /** Granted, and not adopted yet. */
    private int outstanding;

    private int adopted;

    /**
     * @param fd the number of the descriptor that the parent has passed, owned by this object from now on
     * @param timer runs a step after some time
     */
    public IncomingTransfer(int fd, DescriptorRoom room, BiConsumer<Duration, Runnable> timer) {
        this.fd = fd;
        this.room = room;
        this.timer = timer;
    }

    /** Completes when everything that the parent has sent is adopted, and nothing more can come. */
    public CompletableFuture<Void> ended() {
        return ended;
    }

    /** Hides the channel from processes that the program starts, and makes each call of a transfer once. */
    public void prepare(Os calls) throws SystemCallException {
        synchronized (this) {
            if (ended.isDone()) {
                return;
            }
            os = calls;
            calls.setCloseOnExec(fd);
        }
        rehearse(calls);
    }

    private static void rehearse(Os calls) throws SystemCallException {
        Os.SocketPair pair = calls.socketPair();
        MessageSocket one = calls.messageSocket(pair.ours());
        MessageSocket other = calls.messageSocket(pair.childs());
        try {
            one.send(new byte[1], new int[] {pair.ours()});
            one.shutDown(); // there may be no room, and the other would wait for what was not sent
            MessageSocket.Received received = other.receive();
            if (received != null) {
                for (int copy : received.fds()) {
                    calls.close(copy);
                }
            }
        } finally {
            one.close();
            other.close();
        }
    }

    /**
     * Takes connections from now on.
     *
     * @param takers by the positions of their listeners among the passed descriptors; if there are none, the
     *     channel is closed
     */
    public void begin(Os calls, Map<Integer, TransferParticipant> takers) {
        synchronized (this) {
            if (begun) {
                return;
            }
            os = calls;
            if (ended.isDone()) {
                begun = true;
                close(fd);
                return;
            }
            hide(calls);
            socket = calls.messageSocket(fd);
            begun = true; // not if that has failed: then there is no end to wait for
            participants = Map.copyOf(takers);
            if (takers.isEmpty() || stopping) {
                socket.shutDown();
            }
        }
        if (takers.isEmpty()) {
            closed();
            return;
        }
        Thread reader = new Thread(this::read, "tableflip-transfer");
        reader.setDaemon(true);
        try {
            reader.start();
        } catch (OutOfMemoryError e) {
            LOG.log(WARNING, "no connections are taken from the parent: there is no thread for it", e);
            closed();
            return;
        }
        grant();
    }

    private void hide(Os calls) {
        try {
            calls.setCloseOnExec(fd);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "processes that the program starts have the channel of connections too", e);
        }
    }

    /**
     * Nothing more is to come: the parent has exited, or this process is stopping. What was sent is still
     * adopted.
     */
    public void stop() {
        synchronized (this) {
            stopping = true;
            if (socket != null) {
                socket.shutDown();
            }
            if (begun) {
                return;
            }
        }
        ended.complete(null); // not one was granted
    }

    private void closed() {
        MessageSocket open;
        int count;
        synchronized (this) {
            open = socket;
            socket = null;
            count = adopted;
        }
        if (open != null) {
            open.shutDown(); // the parent learns of it even if a job of a start script has this end too
            open.close();
        }
        if (count > 0) {
            LOG.log(INFO, "{0} connections came from the parent", Integer.toString(count));
        }
        ended.complete(null);
    }

    private void read() {
        MessageSocket from;
        synchronized (this) {
            from = socket;
        }
        try {
            while (from != null) {
                MessageSocket.Received message = from.receive();
                if (message == null) {
                    return;
                }
                received(message);
            }
        } catch (IOException e) {
            LOG.log(WARNING, "no more connections are taken from the parent", e);
        } finally {
            closed();
        }
    }

    private void received(MessageSocket.Received message) throws IOException {
        if (message.isCut()) {
            LOG.log(WARNING, "connections of the parent are lost: this process may not open so many descriptors");
        }
        int next = 0;
        try {
            if (message.bytes()[0] != TransferMessage.CONNECTIONS) {
                LOG.log(DEBUG, "message of unknown type {0} on the channel of connections", message.bytes()[0]);
                return;
            }
            int position = TransferMessage.number(message.bytes());
            List<byte[]> records = TransferMessage.records(message.bytes(), message.fds().length);
            while (next < message.fds().length) {
                int number = message.fds()[next];
                byte[] record = records.get(next);
                next++; // first: from here on it belongs to its participant
                adopt(position, number, record);
            }
            for (int lost = next; lost < records.size(); lost++) {
                adopted(); // nobody waits for it
            }
        } finally {
            for (; next < message.fds().length; next++) {
                close(message.fds()[next]);
            }
        }
    }

    private void adopt(int position, int number, byte[] record) {
        TransferParticipant participant;
        synchronized (this) {
            adopted++;
            participant = participants.get(position);
        }
        room.opened();
        if (participant == null) {
            LOG.log(WARNING, "a connection of a listener that this process does not have: closed");
            close(number);
            adopted();
            return;
        }
        CompletionStage<?> reads;
        try {
            reads = participant.adopt(number, record);
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, "a connection of the parent is lost", e);
            adopted();
            return;
        }
        reads.whenComplete((done, failure) -> adopted());
    }

    private void adopted() {
        synchronized (this) {
            outstanding--;
            window = Math.min(LARGEST_WINDOW, window + 1);
        }
        grant();
    }

    /** As many as there is room for. */
    private void grant() {
        try {
            synchronized (this) {
                MessageSocket to = socket;
                if (to == null || stopping) {
                    return;
                }
                if (!isWorthIt(window - outstanding)) {
                    return; // something comes
                }
                refuseClosed(to);
                int count = Math.min(window - outstanding, free() - outstanding);
                if (isWorthIt(count) && to.send(TransferMessage.number(TransferMessage.GRANT, count), new int[0])) {
                    outstanding += count;
                } else {
                    retryIfNothingComes();
                }
            }
        } catch (SystemCallException e) {
            LOG.log(DEBUG, "the parent does not read what it is granted", e); // it is gone
        }
    }

    private boolean isWorthIt(int count) {
        return count > 0 && (outstanding == 0 || count >= window / SMALLEST_PART);
    }

    /** To count the descriptors takes one. */
    private int free() {
        try {
            return room.free();
        } catch (IOException e) {
            LOG.log(DEBUG, "the descriptors of this process cannot be counted", e);
            return 0;
        }
    }

    private void retryIfNothingComes() {
        if (outstanding == 0) {
            timer.accept(RETRY, this::grant);
        }
    }

    private void refuseClosed(MessageSocket to) throws SystemCallException {
        for (Map.Entry<Integer, TransferParticipant> entry : participants.entrySet()) {
            int position = entry.getKey();
            if (!entry.getValue().transfers()
                    && !refused.contains(position)
                    && to.send(TransferMessage.number(TransferMessage.NO_MORE, position), new int[0])) {
                refused.add(position);
            }
        }
    }

    private void close(int number) {
        Os calls;
        synchronized (this) {
            calls = os;
        }
        try {
            if (calls != null) {
                calls.close(number);
            }
        } catch (SystemCallException e) {
            LOG.log(WARNING, "a connection of the parent", e);
        }
    }
}
