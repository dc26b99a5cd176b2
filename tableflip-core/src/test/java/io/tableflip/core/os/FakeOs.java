package io.tableflip.core.os;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.link.Message;
import io.tableflip.testsupport.Await;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/**
 * An operating system of descriptors, pipes, pairs of sockets and processes, strict about descriptors:
 * numbers are never used twice, and touching one that is not open is a mistake that {@link #mistakes()}
 * tells.
 */
public final class FakeOs implements Os {
    private static final int PIPE_SIZE = 65536;
    private static final int MAX_PIPE_SIZE = 1 << 20;
    /** How many messages a socket holds that nobody has received. */
    private static final int MAX_MESSAGES = 11;

    private final Map<Integer, Description> open = new TreeMap<>();
    private final Map<Integer, FakeChild> children = new HashMap<>();
    private final Map<String, Deque<Errno>> failures = new HashMap<>();
    private final List<String> mistakes = new ArrayList<>();
    private final List<String> calls = new ArrayList<>();
    private int nextFd = 100;
    private int nextPid = 5001;
    private volatile boolean messageSocketsFail;

    /** What a descriptor stands for: a file, or one end of a pipe or of a pair of sockets. */
    private static final class Description {
        final @Nullable PipeBuffer pipe;
        final boolean writes;
        final @Nullable SocketEnd socket;
        int references;
        boolean nonBlocking;

        Description(@Nullable PipeBuffer pipe, boolean writes) {
            this.pipe = pipe;
            this.writes = writes;
            socket = null;
        }

        Description(SocketEnd socket) {
            this.socket = socket;
            pipe = null;
            writes = false;
        }
    }

    /** One of a pair. */
    private static final class SocketEnd {
        final Deque<Sent> received = new ArrayDeque<>();
        /** It was shut down, or the other one was, or was closed by all who had it. */
        boolean over;

        private @Nullable SocketEnd other;

        static SocketEnd[] pair() {
            SocketEnd[] ends = {new SocketEnd(), new SocketEnd()};
            ends[0].other = ends[1];
            ends[1].other = ends[0];
            return ends;
        }

        SocketEnd other() {
            return requireNonNull(other);
        }

        void end() {
            over = true;
            other().over = true;
        }
    }

    /** A message on its way. */
    private static final class Sent {
        private final byte[] bytes;
        private final List<Description> descriptions;

        Sent(byte[] bytes, List<Description> descriptions) {
            this.bytes = bytes;
            this.descriptions = descriptions;
        }
    }

    private static final class PipeBuffer {
        final ArrayDeque<Byte> bytes = new ArrayDeque<>();
        int size = PIPE_SIZE;
        byte[] flood = {};
        int readers;
        int writers;
    }

    // ---- for tests

    /** As anybody can who shares the open file. */
    public synchronized void setBlocking(int fd) throws SystemCallException {
        description(fd).nonBlocking = false;
    }

    /**
     * Makes the next call of that name fail (calls after {@code skip} others have succeeded).
     *
     * @param call its name, or its name and object: {@code read fd 101}
     */
    public synchronized void fail(String call, int skip, Errno errno) {
        Deque<Errno> queue = failures.computeIfAbsent(call, name -> new ArrayDeque<>());
        for (int i = 0; i < skip; i++) {
            queue.add(Errno.__UNKNOWN_CONSTANT__);
        }
        queue.add(errno);
    }

    /** Opens a descriptor of that number, as if it had been inherited. */
    public synchronized int opened(int fd) {
        put(fd, new Description(null, false));
        return fd;
    }

    /** As if the C library had no sendmsg, for all but the test. */
    public void failMessageSockets() {
        messageSocketsFail = true;
    }

    /** Opens a socket of that number, as if it had been inherited; the other end belongs to the test. */
    public synchronized MessageSocket openedSocket(int fd) {
        SocketEnd[] ends = SocketEnd.pair();
        put(fd, new Description(ends[0]));
        int other = nextFd++;
        put(other, new Description(ends[1]));
        return new FakeMessageSocket(other);
    }

    public synchronized Set<Integer> open() {
        return new TreeSet<>(open.keySet());
    }

    public synchronized List<String> mistakes() {
        return List.copyOf(mistakes);
    }

    /** Spawns and kills, in order. */
    public synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    /** The child that was spawned last. */
    public FakeChild child() throws Exception {
        Await.until("a child", () -> last() != null);
        FakeChild child = last();
        if (child == null) {
            throw new AssertionError();
        }
        return child;
    }

    public synchronized @Nullable FakeChild last() {
        return children.get(nextPid - 1);
    }

    /** Whether every process was reaped but these, which have ended. */
    public synchronized boolean allReapedBut(FakeChild... left) {
        return children.values().stream()
                .allMatch(
                        child -> List.of(left).contains(child) ? !child.reaped && child.status != null : child.reaped);
    }

    /** A process that does what the test tells it. */
    public final class FakeChild {
        public final int pid;
        public final SpawnRequest request;
        private final Map<Integer, Description> fds = new TreeMap<>();
        private final Message.Decoder decoder = new Message.Decoder();
        private @Nullable Integer status;
        private boolean reaped;
        private volatile boolean immortal;
        private volatile boolean killedBeforeEnd;
        /** What stood in the names pipe when it was born. */
        public final int given;

        private FakeChild(int pid, SpawnRequest request) {
            this.pid = pid;
            this.request = request;
            for (int i = 0; i < request.fds().size(); i++) {
                Description description = description(request.fds().get(i));
                reference(description);
                fds.put(3 + i, description);
            }
            given = pipe(4).bytes.size();
        }

        public void say(Message... messages) {
            synchronized (FakeOs.this) {
                for (Message message : messages) {
                    sayRaw(message.encode());
                }
            }
        }

        public void sayRaw(byte[] bytes) {
            synchronized (FakeOs.this) {
                for (byte b : bytes) {
                    pipe(3).bytes.add(b);
                }
                FakeOs.this.notifyAll();
            }
        }

        /** Says this, and again as soon as the parent has read it. */
        public void flood(byte[] bytes) {
            synchronized (FakeOs.this) {
                pipe(3).flood = bytes;
                sayRaw(bytes);
            }
        }

        public void takeover() {
            say(new Message(Message.TAKEOVER, Integer.toString(pid)));
        }

        public void ready() {
            say(new Message(Message.READY));
        }

        /** All that stands in the names pipe. */
        public byte[] read() {
            synchronized (FakeOs.this) {
                byte[] bytes = new byte[pipe(4).bytes.size()];
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = pipe(4).bytes.remove();
                }
                FakeOs.this.notifyAll();
                return bytes;
            }
        }

        private final List<Message> seen = new ArrayList<>();
        private int awaited;

        /** The types of all messages that were awaited, in order. */
        public List<Byte> heard() {
            return seen.stream().map(Message::type).toList();
        }

        /** Reads messages until there is one of this type behind the one that was awaited last. */
        public void await(byte type) throws Exception {
            Await.until("message " + (char) type + " of " + seen, () -> {
                byte[] bytes = read();
                seen.addAll(decoder.decode(bytes, bytes.length));
                return seen.stream().skip(awaited).anyMatch(message -> message.type() == type);
            });
            while (seen.get(awaited++).type() != type) {
                // it came before
            }
        }

        /** Whether the parent has no end of the names pipe any more. */
        public boolean parentHasHungUp() {
            synchronized (FakeOs.this) {
                return pipe(4).writers == 0;
            }
        }

        /** Whether it was killed while the parent still had its end of the names pipe. */
        public boolean wasKilledBeforeItSawTheEnd() {
            return killedBeforeEnd;
        }

        /** Its end of the channel for connections: the last of its descriptors. */
        public MessageSocket channel() {
            synchronized (FakeOs.this) {
                int last = 2 + request.fds().size();
                int copy = nextFd++; // as if it had been passed to the test
                put(copy, requireNonNull(fds.get(last)));
                close(last);
                return new FakeMessageSocket(copy);
            }
        }

        private PipeBuffer pipe(int fd) {
            Description description = fds.get(fd);
            if (description == null || description.pipe == null) {
                throw new AssertionError("fd " + fd + " of the child is no pipe");
            }
            return description.pipe;
        }

        public void close(int fd) {
            synchronized (FakeOs.this) {
                Description description = fds.remove(fd);
                if (description != null) {
                    dereference(description);
                }
            }
        }

        public void exit(int exitStatus) {
            synchronized (FakeOs.this) {
                if (status == null) {
                    status = exitStatus;
                    List.copyOf(fds.keySet()).forEach(this::close);
                    FakeOs.this.notifyAll();
                }
            }
        }

        /** Signals have no effect from now on, as on one that hangs in the kernel. */
        public void makeImmortal() {
            immortal = true;
        }
    }

    // ---- the calls

    private void mayFail(String call, String object) throws SystemCallException {
        for (String key : List.of(call, call + " " + object)) {
            Deque<Errno> queue = failures.get(key);
            Errno errno = queue == null ? null : queue.poll();
            if (errno != null && errno != Errno.__UNKNOWN_CONSTANT__) {
                throw failure(call, errno, object);
            }
        }
    }

    /** Whether every failure that was asked for has happened. */
    public synchronized boolean hasFailed() {
        return failures.values().stream().allMatch(Deque::isEmpty);
    }

    private static SystemCallException failure(String call, Errno errno, String object) {
        return new SystemCallException(call, errno.intValue(), errno.description(), object);
    }

    private void put(int fd, Description description) {
        reference(description);
        open.put(fd, description);
    }

    private void reference(Description description) {
        description.references++;
        if (description.references == 1 && description.pipe != null) {
            if (description.writes) {
                description.pipe.writers++;
            } else {
                description.pipe.readers++;
            }
        }
    }

    private void dereference(Description description) {
        description.references--;
        if (description.references == 0 && description.pipe != null) {
            if (description.writes) {
                description.pipe.writers--;
            } else {
                description.pipe.readers--;
            }
        }
        if (description.references == 0 && description.socket != null) {
            description.socket.end();
            description.socket.received.forEach(lost -> lost.descriptions.forEach(this::dereference));
            description.socket.received.clear();
        }
        notifyAll();
    }

    private Description description(int fd) {
        Description description = open.get(fd);
        if (description == null) {
            mistakes.add("fd " + fd + " is not open");
            throw new AssertionError("fd " + fd + " is not open");
        }
        return description;
    }

    private PipeBuffer pipe(int fd) {
        PipeBuffer pipe = description(fd).pipe;
        if (pipe == null) {
            throw new AssertionError("fd " + fd + " is no pipe");
        }
        return pipe;
    }

    private void requireNonBlocking(int fd) {
        if (!description(fd).nonBlocking) {
            mistakes.add("fd " + fd + " would block");
        }
    }

    @Override
    public synchronized Pipe pipe() throws SystemCallException {
        mayFail("pipe2", "");
        PipeBuffer buffer = new PipeBuffer();
        int readEnd = nextFd++;
        int writeEnd = nextFd++;
        put(readEnd, new Description(buffer, false));
        put(writeEnd, new Description(buffer, true));
        return new Pipe(readEnd, writeEnd, 1000 + readEnd);
    }

    @Override
    public synchronized SocketPair socketPair() throws SystemCallException {
        mayFail("socketpair", "");
        SocketEnd[] ends = SocketEnd.pair();
        int ours = nextFd++;
        int childs = nextFd++;
        put(ours, new Description(ends[0]));
        put(childs, new Description(ends[1]));
        return new SocketPair(ours, childs, 1000 + childs);
    }

    @Override
    public MessageSocket messageSocket(int fd) {
        if (messageSocketsFail) {
            throw new UnsatisfiedLinkError("on purpose");
        }
        return new FakeMessageSocket(fd);
    }

    private final class FakeMessageSocket implements MessageSocket {
        private final int fd;

        FakeMessageSocket(int fd) {
            this.fd = fd;
        }

        private SocketEnd end() {
            SocketEnd end = description(fd).socket;
            if (end == null) {
                throw new AssertionError("fd " + fd + " is no socket");
            }
            return end;
        }

        @Override
        public boolean send(byte[] message, int[] fds) throws SystemCallException {
            synchronized (FakeOs.this) {
                SocketEnd end = end();
                if (isFull(end)) {
                    return false;
                }
                if (end.over) {
                    throw failure("sendmsg", Errno.EPIPE, "fd " + fd);
                }
                List<Description> descriptions = new ArrayList<>();
                for (int one : fds) {
                    descriptions.add(description(one));
                }
                descriptions.forEach(FakeOs.this::reference);
                end.other().received.add(new Sent(message, descriptions));
                FakeOs.this.notifyAll();
                return true;
            }
        }

        private boolean isFull(SocketEnd end) throws SystemCallException {
            try {
                mayFail("sendmsg", "fd " + fd);
                return end.other().received.size() == MAX_MESSAGES;
            } catch (SystemCallException e) {
                if (e.errno() == Errno.EAGAIN.intValue()) {
                    return true;
                }
                throw e;
            }
        }

        @Override
        public @Nullable Received receive() throws SystemCallException {
            synchronized (FakeOs.this) {
                mayFail("recvmsg", "fd " + fd);
                while (end().received.isEmpty() && !end().over) {
                    try {
                        FakeOs.this.wait();
                    } catch (InterruptedException e) {
                        // EINTR: again
                    }
                }
                Sent next = end().received.poll();
                return next == null ? null : received(next);
            }
        }

        private Received received(Sent sent) {
            int[] fds = new int[sent.descriptions.size()];
            for (int i = 0; i < fds.length; i++) {
                fds[i] = nextFd++;
                open.put(fds[i], sent.descriptions.get(i)); // referenced when it was sent
            }
            return new Received(sent.bytes, fds, false);
        }

        @Override
        public void shutDown() {
            synchronized (FakeOs.this) {
                end().end();
                FakeOs.this.notifyAll();
            }
        }

        @Override
        public void close() {
            try {
                FakeOs.this.close(fd);
            } catch (SystemCallException e) {
                // a mistake that is noted
            }
        }
    }

    @Override
    public synchronized int duplicate(int fd, int min) throws SystemCallException {
        mayFail("fcntl", "fd " + fd);
        Description description = description(fd);
        int copy = Math.max(nextFd, min);
        nextFd = copy + 1;
        put(copy, description);
        return copy;
    }

    @Override
    public synchronized void close(int fd) throws SystemCallException {
        Description description = open.remove(fd);
        if (description == null) {
            mistakes.add("fd " + fd + " is closed twice");
            throw failure("close", Errno.EBADF, "fd " + fd);
        }
        dereference(description);
        mayFail("close", "fd " + fd);
    }

    @Override
    public synchronized void setCloseOnExec(int fd) throws SystemCallException {
        description(fd);
        mayFail("fcntl", "fd " + fd);
    }

    @Override
    public synchronized void setNonBlocking(int fd) throws SystemCallException {
        mayFail("setNonBlocking", "fd " + fd);
        description(fd).nonBlocking = true;
    }

    @Override
    public synchronized void enlargePipe(int fd, int bytes) {
        pipe(fd).size = Math.max(PIPE_SIZE, Math.min(bytes, MAX_PIPE_SIZE));
    }

    /** Whatever a child of a test has left unread, nobody is to start it once more. */
    @Override
    public int unread(int fd) {
        return 0;
    }

    @Override
    public int memoryFile() {
        throw new UnsupportedOperationException();
    }

    @Override
    public int readAt(int fd, byte[] buffer, long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public synchronized boolean isNonBlocking(int fd) throws SystemCallException {
        mayFail("isNonBlocking", "fd " + fd);
        return description(fd).nonBlocking;
    }

    @Override
    public synchronized int open(String path, int flags, int mode) throws SystemCallException {
        mayFail("open", path);
        calls.add("open " + path + " 0" + Integer.toOctalString(flags) + " 0" + Integer.toOctalString(mode));
        return opened(nextFd++);
    }

    @Override
    public synchronized int read(int fd, byte[] buffer) throws SystemCallException {
        mayFail("read", "fd " + fd);
        requireNonBlocking(fd);
        PipeBuffer pipe = pipe(fd);
        if (pipe.bytes.isEmpty()) {
            return pipe.writers == 0 ? 0 : WOULD_BLOCK;
        }
        int count = Math.min(buffer.length, pipe.bytes.size());
        for (int i = 0; i < count; i++) {
            buffer[i] = pipe.bytes.remove();
        }
        if (pipe.writers > 0 && pipe.bytes.isEmpty()) {
            for (byte b : pipe.flood) {
                pipe.bytes.add(b);
            }
        }
        return count;
    }

    @Override
    public synchronized int write(int fd, byte[] bytes, int offset) throws SystemCallException {
        mayFail("write", "fd " + fd);
        requireNonBlocking(fd);
        PipeBuffer pipe = pipe(fd);
        if (pipe.readers == 0) {
            throw failure("write", Errno.EPIPE, "fd " + fd);
        }
        int count = Math.min(bytes.length - offset, pipe.size - pipe.bytes.size());
        for (byte b : Arrays.copyOfRange(bytes, offset, offset + count)) {
            pipe.bytes.add(b);
        }
        notifyAll();
        return count == 0 ? WOULD_BLOCK : count;
    }

    @Override
    public synchronized void sendDatagram(byte[] address, byte[] message) throws SystemCallException {
        mayFail("sendto", UnixPaths.text(address));
        calls.add("sendto " + UnixPaths.text(address) + " " + new String(message, UTF_8));
    }

    @Override
    public synchronized void poll(int[] readable, int writable) throws SystemCallException {
        mayFail("poll", "");
        while (Arrays.stream(readable).noneMatch(this::isReadable) && (writable < 0 || !isWritable(writable))) {
            try {
                wait();
            } catch (InterruptedException e) {
                return; // EINTR
            }
        }
    }

    private boolean isReadable(int fd) {
        PipeBuffer pipe = pipe(fd);
        return !pipe.bytes.isEmpty() || pipe.writers == 0;
    }

    private boolean isWritable(int fd) {
        PipeBuffer pipe = pipe(fd);
        return pipe.bytes.size() < pipe.size || pipe.readers == 0;
    }

    @Override
    public synchronized int spawn(SpawnRequest request) throws SystemCallException {
        mayFail("posix_spawn", request.executable());
        int pid = nextPid++;
        children.put(pid, new FakeChild(pid, request));
        calls.add("spawn " + pid);
        notifyAll();
        return pid;
    }

    private FakeChild child(int pid) {
        FakeChild child = children.get(pid);
        if (child == null || child.reaped) {
            mistakes.add("process " + pid + " is not ours any more");
            throw new AssertionError("process " + pid + " is not ours any more");
        }
        return child;
    }

    @Override
    public synchronized int awaitEnd(int pid) throws SystemCallException {
        FakeChild child = child(pid);
        mayFail("waitid", "process " + pid);
        while (child.status == null) {
            try {
                wait();
            } catch (InterruptedException e) {
                // EINTR: again
            }
        }
        return child.status;
    }

    @Override
    public synchronized int waitFor(int pid) throws SystemCallException {
        FakeChild child = child(pid);
        mayFail("waitpid", "process " + pid);
        if (child.status == null) {
            mistakes.add("process " + pid + " has not ended");
            throw new AssertionError("process " + pid + " has not ended");
        }
        child.reaped = true;
        return child.status;
    }

    @Override
    public synchronized void kill(int pid, int signal) throws SystemCallException {
        FakeChild child = child(pid);
        calls.add("kill " + pid + " " + signal);
        mayFail("kill", "process " + pid);
        child.killedBeforeEnd = signal == ChildProcess.SIGKILL && child.status == null && !child.parentHasHungUp();
        if (signal == ChildProcess.SIGKILL && !child.immortal) {
            child.exit(128 + signal);
        }
    }

    @Override
    public synchronized void setIdle(int pid, boolean idle) throws SystemCallException {
        calls.add((idle ? "idle " : "normal ") + pid);
        mayFail("sched_setscheduler", idle ? "idle" : "normal");
    }

    @Override
    public synchronized void takeBackIdle(int pid) throws SystemCallException {
        calls.add("all normal " + pid);
        mayFail("sched_setscheduler", "normal");
    }

    @Override
    public synchronized boolean isRunning(int pid) {
        FakeChild child = children.get(pid);
        return child != null && child.status == null;
    }
}
