package io.tableflip.core.link;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.Os;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parent's end of the link to its child. A thread of its own waits for the pipes; reading is left to the
 * owner of the lifecycle, who can so look what already stands in the pipe before a timeout counts.
 *
 * <p>Neither direction ever blocks its caller: a child that does not read its names must not stop its parent.
 */
public final class ChildLink {
    private static final System.Logger LOG = Log.get();

    private final Os os;
    private final int readFd;
    private final int writeFd;
    private final Os.Pipe wake;
    private final Runnable onReadable;
    private final Thread thread;
    private final Message.Decoder decoder = new Message.Decoder(); // owner of the lifecycle only

    // guarded by this
    private final Deque<byte[]> unsent = new ArrayDeque<>();
    private int sentOfFirst;
    private boolean announced; // onReadable was called, receive() was not yet
    private boolean ended; // no more to read
    private String end = "the child closed descriptor 3";
    private boolean broken; // nobody reads what we write
    private @Nullable SystemCallException failure;
    private boolean finished;
    private boolean keepWriteEnd;

    /**
     * @param readFd the read end of the ready pipe, non-blocking, owned by this object from now on
     * @param writeFd the write end of the names pipe, likewise
     * @param onReadable called when {@link #receive()} has something to do
     */
    public ChildLink(Os os, int readFd, int writeFd, Runnable onReadable) throws SystemCallException {
        this.os = os;
        this.readFd = readFd;
        this.writeFd = writeFd;
        this.onReadable = onReadable;
        wake = wakePipe();
        thread = new Thread(this::run, "tableflip-link");
        thread.setDaemon(true);
    }

    private Os.Pipe wakePipe() throws SystemCallException {
        Os.Pipe pipe = os.pipe();
        try {
            os.setNonBlocking(pipe.readEnd());
            os.setNonBlocking(pipe.writeEnd());
            return pipe;
        } catch (SystemCallException e) {
            close(pipe.readEnd());
            close(pipe.writeEnd());
            throw e;
        }
    }

    public void start() {
        thread.start();
    }

    /** Queues bytes for the child. */
    public synchronized void send(byte[] bytes) {
        if (finished) {
            return; // the numbers of its descriptors may be somebody else's by now
        }
        unsent.add(bytes);
        writeUnsent();
        if (!unsent.isEmpty()) {
            wakeUp();
        }
    }

    /** What the child has sent since the last call. Only the owner of the lifecycle may call this. */
    public List<Message> receive() {
        List<Message> messages = new ArrayList<>();
        byte[] buffer = new byte[512];
        synchronized (this) {
            while (!ended && !finished && failure == null) {
                try {
                    int count = os.read(readFd, buffer);
                    if (count == Os.WOULD_BLOCK) {
                        break;
                    }
                    ended = count == 0;
                    messages.addAll(decoder.decode(buffer, count));
                } catch (SystemCallException e) {
                    failed(e);
                } catch (IOException e) {
                    LOG.log(WARNING, "link to the child", e);
                    ended = true;
                    end = "the child has sent " + e.getMessage();
                }
            }
            announced = false;
            notifyAll();
        }
        return messages;
    }

    /** Whether the child has closed its end, so that it will never say anything again. */
    public synchronized boolean isEnded() {
        return ended;
    }

    /** Why nothing that it says counts any more, once that {@link #isEnded()}. */
    public synchronized String end() {
        return end;
    }

    /**
     * Why what either side says may not arrive; {@code null} as long as no call has failed. The owner has to
     * end the link then.
     */
    public synchronized @Nullable SystemCallException failure() {
        return failure;
    }

    /** Whether the child has not read all that was sent to it: then this library has not started in it. */
    public synchronized boolean isUnread() {
        try {
            return !finished && os.unread(writeFd) > 0;
        } catch (SystemCallException | LinkageError e) {
            LOG.log(DEBUG, "whether the child has read its names is not known", e);
            return false;
        }
    }

    private synchronized void failed(SystemCallException e) {
        if (failure == null && !finished) {
            LOG.log(WARNING, "link to the child", e);
            failure = e;
            onReadable.run();
        }
    }

    /**
     * Ends the link, and with it the child's hope to commit: from the return of this method on its READY
     * fails with EPIPE.
     *
     * @param abort whether to tell the child that it was given up
     * @return whether it was told all that was to be said
     */
    public boolean close(boolean abort) {
        boolean told;
        synchronized (this) {
            if (abort && !finished) {
                if (failure != null && sentOfFirst == 0) {
                    unsent.clear(); // nothing else matters now
                }
                unsent.add(new Message(Message.ABORT).encode());
                writeUnsent();
            }
            told = unsent.isEmpty();
        }
        finish();
        return told;
    }

    /**
     * The child is the service: nothing more is said but by {@link #sendAfterCommit}, and the end of this
     * process will close the write end.
     */
    public void commit() {
        synchronized (this) {
            keepWriteEnd = true;
        }
        finish();
    }

    /**
     * Sends one more message to a child that is the service. Does not wait.
     *
     * @return whether the child can read it
     */
    public synchronized boolean sendAfterCommit(Message message) {
        if (!keepWriteEnd || !unsent.isEmpty()) {
            return false;
        }
        byte[] bytes = message.encode();
        try {
            return os.write(writeFd, bytes, 0) == bytes.length;
        } catch (SystemCallException e) {
            LOG.log(WARNING, "link to the child", e);
            return false;
        }
    }

    private void finish() {
        synchronized (this) {
            if (finished) {
                return;
            }
            finished = true;
            notifyAll();
        }
        // wakes the thread as a byte would, but cannot fail for want of memory
        close(wake.writeEnd());
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        closeAll();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void closeAll() {
        close(readFd);
        close(wake.readEnd());
        if (!keepWriteEnd) {
            close(writeFd);
        }
    }

    private void close(int fd) {
        try {
            os.close(fd);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "link to the child", e);
        }
    }

    private void wakeUp() {
        try {
            os.write(wake.writeEnd(), new byte[1], 0);
        } catch (SystemCallException e) {
            failed(e);
        }
    }

    private void run() {
        try {
            while (awaitOwner()) {
                boolean reading;
                boolean writing;
                synchronized (this) {
                    reading = !ended && failure == null;
                    writing = !unsent.isEmpty() && !broken && failure == null;
                }
                os.poll(
                        reading ? new int[] {wake.readEnd(), readFd} : new int[] {wake.readEnd()},
                        writing ? writeFd : -1);
                handle();
            }
        } catch (SystemCallException e) {
            failed(e);
        }
    }

    /** Waits until the owner has read what was announced, so that this thread does not spin meanwhile. */
    private synchronized boolean awaitOwner() {
        while (announced && !finished) {
            try {
                wait();
            } catch (InterruptedException e) {
                // nobody has reason to interrupt this thread
            }
        }
        return !finished;
    }

    private synchronized void handle() throws SystemCallException {
        if (finished) {
            return;
        }
        os.read(wake.readEnd(), new byte[64]);
        writeUnsent();
        // announced even if it was another descriptor that woke us: the owner then finds nothing
        announced = !ended;
        if (announced) {
            onReadable.run();
        }
    }

    private synchronized void writeUnsent() {
        try {
            while (!unsent.isEmpty() && !broken && !finished) {
                byte[] first = unsent.element();
                int count = os.write(writeFd, first, sentOfFirst);
                if (count == Os.WOULD_BLOCK) {
                    return;
                }
                sentOfFirst += count;
                if (sentOfFirst == first.length) {
                    unsent.remove();
                    sentOfFirst = 0;
                }
            }
        } catch (SystemCallException e) {
            if (e.errno() == Os.EPIPE) {
                broken = true; // the child is gone or going, which end-of-file and its exit status tell better
            } else {
                failed(e);
            }
        }
    }
}
