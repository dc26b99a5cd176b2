package io.tableflip.core.link;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.FdName;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.WrongDescriptorException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.Printable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The child's end of the link to its parent: writes on descriptor 3, reads from 4. Without native code: both
 * are opened once more through {@code /proc/self/fd}, which works for pipes, and the originals are closed
 * when native code is there.
 */
public final class ParentLink {
    public static final String SENTINEL = "TABLEFLIP_HAS_PARENT_7DIU3";
    public static final String LINK = "TABLEFLIP_LINK";
    /** Behind the other parts of {@link #LINK}, in any order: the child is made idle. */
    private static final String IDLE = "idle";
    /** Likewise: the number and the inode of the channel for connections. */
    private static final String TRANSFER = "transfer.";

    static final int READY_FD = 3;
    public static final int NAMES_FD = 4;
    public static final int FIRST_PASSED_FD = 5;

    private static final System.Logger LOG = Log.get();
    private static final String NAMES_OF = "the names of the descriptors from parent ";
    private static final Duration NAMES_TIMEOUT = Duration.ofSeconds(5);
    /** A level 2 parent writes the names as soon as it has spawned, but may be stopped just then. */
    private static final Duration NAMES_TIMEOUT_LEVEL_2 = Duration.ofMinutes(1);

    /** A message has room for that and another number. */
    private static final int POSITIONS_LENGTH = 4000;

    private final ProcFs proc;
    private final FileChannel out;
    private final FileChannel in;
    private final @Nullable Identity identity;
    private final long pid;
    /** It has started this process itself, with no shell between them. */
    private final boolean isStarter;

    private final Optional<Long> startTime;
    private volatile boolean silenced;
    private volatile boolean failed;

    private ParentLink(ProcFs proc, @Nullable Identity identity, long readyPipe, FileChannel out, FileChannel in)
            throws IOException {
        this.proc = proc;
        this.identity = identity;
        this.out = out;
        this.in = in;
        pid = identity == null ? findParent(proc, readyPipe) : identity.pid;
        isStarter = proc.parentPid() == pid;
        startTime = isStarter ? Optional.empty() : proc.startTime(pid);
    }

    /**
     * At level 1 nobody says who the parent is: the process that reads what this one writes. It need not be
     * the one that has started this process, which may be a shell that has put it in the background.
     */
    private static long findParent(ProcFs proc, long readyPipe) throws IOException {
        long starter = proc.parentPid();
        return proc.readerOf(readyPipe, starter).orElse(starter);
    }

    /** The socket on which connections go to the child, as the child has it. */
    public record TransferSocket(int number, long inode) {
        /** {@code null} if a later version says it in another way. */
        static @Nullable TransferSocket parse(String fact) {
            String[] parts = fact.substring(TRANSFER.length()).split("\\.", -1);
            try {
                return parts.length == 2
                        ? new TransferSocket(Integer.parseInt(parts[0]), Long.parseLong(parts[1]))
                        : null;
            } catch (NumberFormatException e) {
                return null;
            }
        }

        String format() {
            return TRANSFER + number + "." + inode;
        }
    }

    /** What the variable says. */
    private record Identity(
            long pid,
            long readyInode,
            long namesInode,
            int generation,
            Duration drainedWait,
            boolean idle,
            @Nullable TransferSocket transfer) {
        static @Nullable Identity parse(@Nullable String variable) {
            String[] parts = variable == null ? new String[0] : variable.split(":", -1);
            if (parts.length < 6 || !parts[0].equals("2")) {
                return null;
            }
            try {
                List<String> facts = Arrays.asList(parts).subList(6, parts.length);
                Optional<String> transfer =
                        facts.stream().filter(fact -> fact.startsWith(TRANSFER)).findFirst();
                return new Identity(
                        Long.parseLong(parts[1]),
                        Long.parseLong(parts[2]),
                        Long.parseLong(parts[3]),
                        Integer.parseInt(parts[4]),
                        Duration.ofMillis(Long.parseLong(parts[5])),
                        facts.contains(IDLE),
                        transfer.map(TransferSocket::parse).orElse(null));
            } catch (NumberFormatException e) {
                return null;
            }
        }

        String format() {
            return "2:" + pid + ":" + readyInode + ":" + namesInode + ":" + generation + ":" + drainedWait.toMillis()
                    + (idle ? ":" + IDLE : "")
                    + (transfer == null ? "" : ":" + transfer.format());
        }
    }

    /**
     * The value of the variable that makes the child speak level 2.
     *
     * @param transfer {@code null} if no connections will be transferred
     */
    public static String variable(
            long pid,
            long readyInode,
            long namesInode,
            int generation,
            Duration drainedWait,
            boolean idle,
            @Nullable TransferSocket transfer) {
        return new Identity(pid, readyInode, namesInode, generation, drainedWait, idle, transfer).format();
    }

    /**
     * Finds the parent by the environment and descriptors 3 and 4.
     *
     * @return {@code null} if there is none
     */
    public static @Nullable ParentLink find(Map<String, String> environment, ProcFs proc) throws IOException {
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
                    Printable.of(proc.describe(READY_FD).orElse("not open")),
                    Printable.of(proc.describe(NAMES_FD).orElse("not open")));
            return null;
        }
        Identity identity = Identity.parse(environment.get(LINK));
        boolean ours = identity != null && identity.readyInode == ready.get() && identity.namesInode == names.get();
        FileChannel out = openAgain(proc, READY_FD, StandardOpenOption.WRITE);
        FileChannel in = openAgain(proc, NAMES_FD, StandardOpenOption.READ);
        return new ParentLink(proc, ours ? identity : null, ready.get(), out, in);
    }

    private static FileChannel openAgain(ProcFs proc, int fd, StandardOpenOption option) throws IOException {
        try {
            return FileChannel.open(proc.fd(fd), option);
        } catch (IOException e) {
            // a pipe can be opened by the user who made it, and by root
            throw new IOException("descriptor " + fd + " from the parent cannot be opened once more by this user", e);
        }
    }

    /** Whether the parent speaks level 2; one of level 1 understands nothing but {@link #ready()}. */
    public boolean isLevel2() {
        return identity != null;
    }

    /** Whether the parent has made this process idle, to make it normal again at the takeover. */
    public boolean bootsIdle() {
        return identity != null && identity.idle;
    }

    /** The number of the channel on which the parent will send connections; -1 if there is none. */
    public int transferFd() {
        TransferSocket passed = identity == null ? null : identity.transfer;
        boolean isThere = passed != null && proc.inode(passed.number, "socket").equals(Optional.of(passed.inode));
        return isThere ? passed.number : -1;
    }

    /** The generation of this process, counted by its parent; 1 if that does not count. */
    public int generation() {
        return identity == null ? 1 : identity.generation;
    }

    public long pid() {
        return pid;
    }

    /** How long the parent may take from the takeover to DRAINED. */
    public Duration drainedWait() {
        return identity == null ? Duration.ZERO : identity.drainedWait;
    }

    /** How long this parent may take to write the names. */
    public Duration namesTimeout() {
        return isLevel2() ? NAMES_TIMEOUT_LEVEL_2 : NAMES_TIMEOUT;
    }

    /** The failure of a child that has not got the names. */
    public IOException namesMissing(String why) {
        String hint = isLevel2() ? "" : "; was " + SENTINEL + " set by hand, or inherited from further up?";
        return new IOException(NAMES_OF + pid + ": " + why + hint);
    }

    /**
     * Reads the names on a thread of its own, then the messages, until the parent closes its end.
     *
     * @param messages gets each message, on that thread
     * @param end runs when the parent has closed its end, on that thread
     * @return the passed descriptors in order; those with a name that this library does not know have
     *     {@code null}. Fails with an {@link IOException} if the names cannot be read, or a descriptor is not
     *     what its name says
     */
    public CompletableFuture<Map<Integer, @Nullable FdName>> open(Consumer<Message> messages, Runnable end) {
        CompletableFuture<Map<Integer, @Nullable FdName>> passed = new CompletableFuture<>();
        Thread reader = new Thread(() -> read(passed, messages, end), "tableflip-parent");
        reader.setDaemon(true);
        reader.start();
        return passed;
    }

    /** Ends the reading. */
    public void abandon() {
        closeQuietly(in);
    }

    private Map<Integer, @Nullable FdName> passed(List<List<String>> names) throws IOException {
        String jvm = System.getProperty("java.home") + "/";
        Map<Integer, @Nullable FdName> passed = new LinkedHashMap<>();
        Set<FdName> seen = new HashSet<>();
        int transfer = transferFd();
        int next = FIRST_PASSED_FD;
        for (List<String> wire : names) {
            int fd = next++;
            if (fd == transfer) {
                continue;
            }
            FdName name = WireNames.decode(wire);
            String problem = problem(fd, name, jvm);
            if (problem != null) {
                throw new WrongDescriptorException(
                        name, fd, problem + "; parent " + pid + " named " + names.size() + " descriptors");
            }
            if (name != null && !seen.add(name)) {
                throw new IOException("parent " + pid + " passed two descriptors named " + name);
            }
            passed.put(fd, name);
        }
        return passed;
    }

    /**
     * What is wrong with a passed descriptor. The JVM opens its own files at the first free numbers, so a
     * descriptor that did not get through to this process looks like an open one. To close it, unclaimed,
     * would be the end of this JVM.
     *
     * @param jvm what the names of the files of this JVM begin with
     */
    private @Nullable String problem(int fd, @Nullable FdName name, String jvm) {
        String file = proc.describe(fd).orElse("");
        if (file.isEmpty()) {
            return "is not open";
        }
        // text, not paths: where the locale knows no such characters, they make no path
        if (file.startsWith(jvm)) {
            return "was not passed: it is " + Printable.of(file) + ", which this JVM has opened itself";
        }
        boolean socket = file.startsWith("socket:[");
        return name == null || name.kind() == FdName.Kind.FD || socket ? null : "is no socket: " + Printable.of(file);
    }

    private void read(
            CompletableFuture<Map<Integer, @Nullable FdName>> passed, Consumer<Message> messages, Runnable end) {
        // unbuffered: a buffer behind the names would swallow messages
        InputStream stream = Channels.newInputStream(in);
        try {
            passed.complete(passed(Gob.decode(stream)));
            Message.Decoder decoder = new Message.Decoder();
            byte[] buffer = new byte[512];
            for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
                decoder.decode(buffer, count).forEach(messages);
            }
            end.run();
        } catch (WrongDescriptorException e) {
            passed.completeExceptionally(e);
        } catch (IOException | RuntimeException | Error e) {
            if (!passed.completeExceptionally(new IOException(NAMES_OF + pid + ": " + e.getMessage(), e))
                    && !(e instanceof ClosedChannelException)) {
                LOG.log(WARNING, "the link to parent " + pid + " broke", e);
                end.run();
            }
        } finally {
            closeQuietly(in);
        }
    }

    /**
     * Says that this process accepts connections.
     *
     * @param unused the numbers of the passed descriptors that this process does not use
     * @param takes the numbers of those of listeners whose connections this process takes
     */
    public void takeover(long ownPid, Collection<Integer> unused, Collection<Integer> takes) throws IOException {
        sendPositions(Message.UNUSED, unused);
        sendPositions(Message.TAKES, takes);
        send(new Message(Message.TAKEOVER, Long.toString(ownPid)));
    }

    private void sendPositions(byte type, Collection<Integer> numbers) throws IOException {
        StringJoiner positions = new StringJoiner(" ");
        for (int fd : numbers) {
            positions.add(Integer.toString(position(fd)));
            if (positions.length() > POSITIONS_LENGTH) {
                send(new Message(type, positions.toString()));
                positions = new StringJoiner(" ");
            }
        }
        if (positions.length() > 0) {
            send(new Message(type, positions.toString()));
        }
    }

    /** Of a passed descriptor among those that were passed. */
    public static int position(int fd) {
        return fd - FIRST_PASSED_FD;
    }

    /** Says why this process cannot take over, once. A parent of level 1 would not understand. */
    public void failed(String why) {
        try {
            if (isLevel2() && !silenced && !failed) {
                send(new Message(Message.FAILED, why));
                failed = true;
            }
        } catch (IOException e) {
            // it has gone, or has given this child up: then it does not matter
        }
    }

    /** Whether the parent was told that. */
    public boolean hasFailed() {
        return failed;
    }

    /** Says that this process is the service. */
    public void ready() throws IOException {
        send(new Message(Message.READY));
        silenced = true;
    }

    private void send(Message message) throws IOException {
        // one write of less than PIPE_BUF bytes: never torn, and never waits, since these are the only
        // messages
        int sent = out.write(ByteBuffer.wrap(message.encode()));
        if (sent == 0) {
            throw new EOFException("nothing was written to parent " + pid);
        }
    }

    /** Ends this process's side of the link: the parent sees end-of-file. Loads native code. */
    public void hangUp(Os os) {
        closeQuietly(out);
        try {
            os.close(READY_FD);
        } catch (SystemCallException e) {
            LOG.log(WARNING, "descriptor 3", e);
        }
    }

    /**
     * Closes what is needed no longer once this process is the service; end-of-file from the parent is still
     * seen.
     */
    public void closeOriginals(Os os) throws SystemCallException {
        closeQuietly(out);
        os.close(READY_FD);
        os.close(NAMES_FD);
    }

    /**
     * Whether it is certain that the parent process is gone or a zombie. The kernel gives this process
     * another parent when the last thread of the first one has ended. That shows even where {@code /proc}
     * hides other processes ({@code hidepid}), so that it has nothing about a parent that runs.
     */
    public boolean isParentGone() {
        try {
            return isStarter
                    ? proc.parentPid() != pid
                    : startTime.isEmpty() || !proc.startTime(pid).equals(startTime);
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
