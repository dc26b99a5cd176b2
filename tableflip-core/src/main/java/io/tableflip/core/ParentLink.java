package io.tableflip.core;

import static java.lang.System.Logger.Level.WARNING;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The child's end of the link to its parent: writes on descriptor 3, reads from 4. Without native code: both are opened once more
 * through {@code /proc/self/fd}, which works for pipes, and the originals are closed when native code is there.
 */
final class ParentLink {
    static final String SENTINEL = "TABLEFLIP_HAS_PARENT_7DIU3";
    static final String LINK = "TABLEFLIP_LINK";
    static final int READY_FD = 3;
    static final int NAMES_FD = 4;
    static final int FIRST_PASSED_FD = 5;

    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final Duration NAMES_TIMEOUT = Duration.ofSeconds(5);
    /** A level 2 parent writes the names as soon as it has spawned, but may be stopped just then. */
    private static final Duration NAMES_TIMEOUT_LEVEL_2 = Duration.ofMinutes(1);

    private final ProcFs proc;
    private final FileChannel out;
    private final FileChannel in;
    private final @Nullable Identity identity;
    private final long pid;
    private final Optional<Long> startTime;
    private volatile boolean silenced;

    private ParentLink(ProcFs proc, @Nullable Identity identity, FileChannel out, FileChannel in) throws IOException {
        this.proc = proc;
        this.identity = identity;
        this.out = out;
        this.in = in;
        pid = identity == null ? proc.parentPid() : identity.pid;
        startTime = proc.startTime(pid);
    }

    /** What the variable says. */
    private record Identity(long pid, long readyInode, long namesInode, int generation, Duration drainedWait) {
        static @Nullable Identity parse(@Nullable String variable) {
            String[] parts = variable == null ? new String[0] : variable.split(":", -1);
            if (parts.length < 6 || !parts[0].equals("2")) {
                return null;
            }
            try {
                return new Identity(
                        Long.parseLong(parts[1]),
                        Long.parseLong(parts[2]),
                        Long.parseLong(parts[3]),
                        Integer.parseInt(parts[4]),
                        Duration.ofMillis(Long.parseLong(parts[5])));
            } catch (NumberFormatException e) {
                return null;
            }
        }

        String format() {
            return "2:" + pid + ":" + readyInode + ":" + namesInode + ":" + generation + ":" + drainedWait.toMillis();
        }
    }

    /** The value of the variable that makes the child speak level 2. */
    static String variable(long pid, long readyInode, long namesInode, int generation, Duration drainedWait) {
        return new Identity(pid, readyInode, namesInode, generation, drainedWait).format();
    }

    /**
     * Finds the parent by the environment and descriptors 3 and 4.
     *
     * @return {@code null} if there is none
     */
    static @Nullable ParentLink find(Map<String, String> environment, ProcFs proc) throws IOException {
        if (environment.getOrDefault(SENTINEL, "").isEmpty()) {
            return null;
        }
        Optional<Long> ready = proc.writablePipe(READY_FD);
        Optional<Long> names = proc.readablePipe(NAMES_FD);
        if (ready.isEmpty() || names.isEmpty()) {
            LOG.log(
                    WARNING,
                    "{0} is set, but descriptors 3 and 4 are no pipes from a parent ({1}, {2}): it was set by hand or inherited"
                            + " from further up; this process starts without a parent",
                    SENTINEL,
                    proc.describe(READY_FD).orElse("not open"),
                    proc.describe(NAMES_FD).orElse("not open"));
            return null;
        }
        Identity identity = Identity.parse(environment.get(LINK));
        boolean ours = identity != null && identity.readyInode == ready.get() && identity.namesInode == names.get();
        FileChannel out = FileChannel.open(proc.fd(READY_FD), StandardOpenOption.WRITE);
        FileChannel in = FileChannel.open(proc.fd(NAMES_FD), StandardOpenOption.READ);
        return new ParentLink(proc, ours ? identity : null, out, in);
    }

    /** Whether the parent speaks level 2; one of level 1 understands nothing but {@link #ready()}. */
    boolean isLevel2() {
        return identity != null;
    }

    /** The generation of this process, counted by its parent; 1 if that does not count. */
    int generation() {
        return identity == null ? 1 : identity.generation;
    }

    long pid() {
        return pid;
    }

    /** How long the parent may take from the takeover to DRAINED. */
    Duration drainedWait() {
        return identity == null ? Duration.ZERO : identity.drainedWait;
    }

    /**
     * Reads the names, then goes on reading on a thread of its own.
     *
     * @param messages hears of each message, on that thread
     * @param end runs when the parent has closed its end, on that thread
     * @return the passed descriptors in order; those with a name that this library does not know under {@code null}
     */
    Map<Integer, @Nullable FdName> open(Consumer<Message> messages, Runnable end) throws IOException {
        CompletableFuture<List<List<String>>> names = new CompletableFuture<>();
        Thread reader = new Thread(() -> read(names, messages, end), "tableflip-parent");
        reader.setDaemon(true);
        reader.start();
        Duration timeout = isLevel2() ? NAMES_TIMEOUT_LEVEL_2 : NAMES_TIMEOUT;
        try {
            return passed(names.get(timeout.toMillis(), TimeUnit.MILLISECONDS));
        } catch (ExecutionException e) {
            throw new IOException(
                    "the names of the descriptors from parent " + pid + ": "
                            + Lifecycle.unwrap(e).getMessage(),
                    e);
        } catch (TimeoutException e) {
            in.close();
            throw new IOException(
                    "no names of descriptors from parent " + pid + " for " + timeout.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            in.close();
            throw new IOException("interrupted while waiting for parent " + pid, e);
        }
    }

    private Map<Integer, @Nullable FdName> passed(List<List<String>> names) throws IOException {
        Map<Integer, @Nullable FdName> passed = new LinkedHashMap<>();
        for (List<String> wire : names) {
            int fd = FIRST_PASSED_FD + passed.size();
            FdName name = Fds.fromWire(wire);
            if (proc.describe(fd).isEmpty()) {
                throw new IOException("parent " + pid + " named " + names.size() + " descriptors, but fd " + fd + " "
                        + wire + " is not open");
            }
            if (name != null && passed.containsValue(name)) {
                throw new IOException("parent " + pid + " passed two descriptors named " + name);
            }
            passed.put(fd, name);
        }
        return passed;
    }

    private void read(CompletableFuture<List<List<String>>> names, Consumer<Message> messages, Runnable end) {
        // unbuffered: a buffer behind the names would swallow messages
        InputStream stream = Channels.newInputStream(in);
        try {
            names.complete(Gob.decode(stream));
            Message.Decoder decoder = new Message.Decoder();
            byte[] buffer = new byte[512];
            for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
                decoder.decode(buffer, count).forEach(messages);
            }
            end.run();
        } catch (ClosedChannelException e) {
            names.completeExceptionally(e);
        } catch (IOException | RuntimeException e) {
            if (!names.completeExceptionally(e)) {
                LOG.log(WARNING, "the link to parent " + pid + " broke", e);
                end.run();
            }
        } finally {
            closeQuietly(in);
        }
    }

    /** Says that this process accepts connections. */
    void takeover(long ownPid) throws IOException {
        send(new Message(Message.TAKEOVER, Long.toString(ownPid)));
    }

    /** Says why this process cannot take over. A parent of level 1 would not understand. */
    void failed(String why) {
        try {
            if (isLevel2() && !silenced) {
                send(new Message(Message.FAILED, why));
            }
        } catch (IOException e) {
            // it has gone, or has given this child up: then it does not matter
        }
    }

    /** Says that this process is the service. */
    void ready() throws IOException {
        send(new Message(Message.READY));
        silenced = true;
    }

    private void send(Message message) throws IOException {
        // one write of less than PIPE_BUF bytes: never torn, and never waits, since these are the only messages
        int sent = out.write(ByteBuffer.wrap(message.encode()));
        if (sent == 0) {
            throw new EOFException("nothing was written to parent " + pid);
        }
    }

    /** Ends this process's side of the link: the parent sees end-of-file. Loads native code. */
    void hangUp(Os os) {
        closeQuietly(out);
        try {
            os.close(READY_FD);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "descriptor 3", e);
        }
    }

    /** Closes what is needed no longer once this process is the service; end-of-file from the parent is still seen. */
    void closeOriginals(Os os) throws SystemCallException {
        closeQuietly(out);
        os.close(READY_FD);
        os.close(NAMES_FD);
    }

    /** Whether it is certain that the parent process is gone or a zombie. */
    boolean isParentGone() {
        try {
            return startTime.isEmpty() || !proc.startTime(pid).equals(startTime);
        } catch (IOException e) {
            LOG.log(WARNING, "parent " + pid + " cannot be looked at, it may be there", e);
            return false;
        }
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            LOG.log(WARNING, "pipe between parent and child", e);
        }
    }
}
