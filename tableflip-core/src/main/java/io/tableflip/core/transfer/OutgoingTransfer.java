package io.tableflip.core.transfer;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.MessageSocket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The parent's end of the channel. Thread-safe. */
public final class OutgoingTransfer {
    private static final System.Logger LOG = Log.get();

    private final MessageSocket socket;
    // guarded by this
    private int credit;
    private final Set<Integer> refused = new HashSet<>();
    private final List<Runnable> listeners = new ArrayList<>();
    private boolean reading;
    private boolean ended;

    /** @param socket is owned by this object from now on */
    public OutgoingTransfer(MessageSocket socket) {
        this.socket = socket;
    }

    /**
     * Begins to read what the child grants.
     *
     * @throws OutOfMemoryError if there is no thread for it; nothing can be transferred then
     */
    public void begin() {
        Thread reader = new Thread(this::read, "tableflip-transfer");
        reader.setDaemon(true);
        synchronized (this) {
            if (ended) {
                return;
            }
            reader.start();
            reading = true;
        }
    }

    /**
     * Sends nothing more. The child gets what was sent, and then the end. May be called several times.
     */
    public void end() {
        synchronized (this) {
            if (ended) {
                return;
            }
            ended = true;
            socket.shutDown();
            if (!reading) {
                socket.close();
            }
        }
        tellListeners();
    }

    /**
     * For the connections of one listener, which the child knows by its position among the passed
     * descriptors.
     */
    public ConnectionSender sender(int position) {
        return new Sender(position);
    }

    private void read() {
        try {
            for (MessageSocket.Received message = socket.receive(); message != null; message = socket.receive()) {
                received(message.bytes());
            }
        } catch (SystemCallException e) {
            LOG.log(WARNING, "no more connections can be transferred", e);
        } finally {
            synchronized (this) {
                ended = true; // before the number of the descriptor is somebody else's
                socket.shutDown(); // the child learns of it even if somebody else has this end too
                socket.close();
            }
            tellListeners();
        }
    }

    private void received(byte[] message) {
        int number = TransferMessage.number(message);
        synchronized (this) {
            switch (message[0]) {
                case TransferMessage.GRANT -> credit += Math.max(0, number);
                case TransferMessage.NO_MORE -> refused.add(number);
                default -> LOG.log(DEBUG, "message of unknown type {0} on the channel of connections", message[0]);
            }
        }
        tellListeners();
    }

    private void tellListeners() {
        List<Runnable> told;
        synchronized (this) {
            told = List.copyOf(listeners);
        }
        told.forEach(OutgoingTransfer::tell);
    }

    private static void tell(Runnable listener) {
        try {
            listener.run();
        } catch (RuntimeException | Error e) {
            LOG.log(WARNING, "a listener whose connections are transferred", e);
        }
    }

    /** For one listener. */
    private final class Sender implements ConnectionSender {
        private final int position;

        Sender(int position) {
            this.position = position;
        }

        @Override
        public boolean take() {
            synchronized (OutgoingTransfer.this) {
                if (credit == 0) {
                    return false;
                }
                credit--;
                return true;
            }
        }

        @Override
        public void giveBack() {
            boolean others;
            synchronized (OutgoingTransfer.this) {
                others = credit == 0;
                credit++;
            }
            if (others) { // wait for it, perhaps
                tellListeners();
            }
        }

        @Override
        public Result send(List<Connection> connections) {
            byte[] message = TransferMessage.connections(position, connections);
            int[] fds = connections.stream().mapToInt(Connection::fd).toArray();
            synchronized (OutgoingTransfer.this) {
                if (isRefused()) {
                    return Result.REFUSED;
                }
                try {
                    return socket.send(message, fds) ? Result.SENT : Result.FULL;
                } catch (SystemCallException e) {
                    LOG.log(WARNING, "connections that were to be transferred stay in this process", e);
                }
            }
            end(); // calls others back, so not with the lock
            return Result.REFUSED;
        }

        @Override
        public boolean isRefused() {
            synchronized (OutgoingTransfer.this) {
                return ended || refused.contains(position);
            }
        }

        @Override
        public void onCredit(Runnable step) {
            synchronized (OutgoingTransfer.this) {
                listeners.add(step);
            }
        }
    }
}
