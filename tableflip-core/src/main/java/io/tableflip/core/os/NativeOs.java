package io.tableflip.core.os;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.libc.LibC;
import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import jnr.constants.platform.Errno;
import jnr.constants.platform.Signal;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * The calls in glibc or musl, through jnr-ffi. An interface of just the functions needed takes half the time
 * and a third of the memory of the POSIX object of jnr-posix, which lacks most of them besides.
 */
public final class NativeOs implements Os {
    private static final System.Logger LOG = Log.get();

    private static final int F_SETFD = 2;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_SETPIPE_SZ = 1031;
    private static final int FD_CLOEXEC = 1;
    private static final int MFD_CLOEXEC = 1;
    private static final long FIONREAD = 0x541B;
    private static final int O_NONBLOCK = 04000;
    private static final int O_CLOEXEC = 02000000;
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_SEQPACKET = 5;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final short POLLIN = 1;
    private static final short POLLOUT = 4;
    private static final short POSIX_SPAWN_SETSIGMASK = 8;
    private static final int FIRST_PASSED = 3;
    /**
     * A pipe takes that much from the start, and what anybody may ask for is this unless an administrator has
     * changed it.
     */
    private static final int PIPE_SIZE = 1 << 16;

    private static final int MAX_PIPE_SIZE = 1 << 20;
    private static final int P_PID = 1;
    private static final int WNOHANG = 1;
    private static final int WEXITED = 4;
    private static final int WNOWAIT = 0x1000000;
    private static final int CLD_EXITED = 1;
    // the offsets in siginfo_t, on 64-bit Linux
    private static final int SI_CODE = 8;
    private static final int SI_PID = 16;
    private static final int SI_STATUS = 24;

    private static final int SCHED_OTHER = 0;
    private static final int SCHED_IDLE = 5;
    private static final int MAX_PASSES = 100;

    private static final int ESRCH = Errno.ESRCH.intValue();
    private static final int EINTR = Errno.EINTR.intValue();
    private static final int EBADF = Errno.EBADF.intValue();
    private static final int EAGAIN = Errno.EAGAIN.intValue();
    private static final int ECHILD = Errno.ECHILD.intValue();

    /** More than the opaque structures need in any C library: glibc on x86-64 takes 80, 336 and 128 bytes. */
    private static final int OPAQUE = 1024;

    private final LibC c;
    private final Runtime runtime = Runtime.getSystemRuntime();
    private final ProcFs proc = new ProcFs();

    public NativeOs() {
        this(libC());
    }

    public NativeOs(LibC c) {
        this.c = c;
    }

    static LibC libC() {
        return LibraryLoader.create(LibC.class).load("c");
    }

    @Override
    public void rehearse() throws SystemCallException {
        Pipe pipe = pipe();
        List<Integer> open = new ArrayList<>(List.of(pipe.readEnd(), pipe.writeEnd()));
        try {
            int copy = duplicate(pipe.readEnd(), 0);
            open.add(copy);
            setNonBlocking(copy);
            setCloseOnExec(copy);
            enlargePipe(pipe.writeEnd(), 0);
            write(pipe.writeEnd(), new byte[1], 0);
            int output = rehearseOutput(pipe, open);
            poll(new int[] {copy}, pipe.writeEnd());
            read(copy, new byte[1]);
            int self = (int) ProcessHandle.current().pid();
            isRunning(self); // no child of ours, and none to be waited for
            awaitEnd(self);
            waitFor(self);
            kill(self, 0);
            spawn(new SpawnRequest("/", List.of("/"), List.of("A=B"), "/", List.of(copy), output));
        } catch (SystemCallException e) {
            if (!e.call().equals("posix_spawn")) { // nobody can execute a directory
                throw e;
            }
        } finally {
            closeAll(open);
        }
    }

    /** What serves to find out why a child has ended: upgrades are possible without it. */
    private int rehearseOutput(Pipe pipe, List<Integer> open) {
        try {
            unread(pipe.writeEnd());
            int file = memoryFile();
            open.add(file);
            readAt(file, new byte[1], 0);
            return file;
        } catch (SystemCallException | UnsatisfiedLinkError e) {
            LOG.log(DEBUG, "what a JVM prints before it fails will not be known", e);
            return SpawnRequest.INHERITED;
        }
    }

    @Override
    public Pipe pipe() throws SystemCallException {
        int[] fds = new int[2];
        check(c.pipe2(fds, O_CLOEXEC), "pipe2", "");
        Optional<Long> inode = proc.inode(fds[0], "pipe");
        if (inode.isEmpty()) { // without it the child would take its parent for one of level 1
            closeAll(List.of(fds[0], fds[1]));
            throw Errors.failure("readlink", Errno.ENOENT, "/proc/self/fd/" + fds[0]);
        }
        return new Pipe(fds[0], fds[1], inode.get());
    }

    /** An error of close is no reason to fail: the number is free again nevertheless. */
    private void closeAll(List<Integer> fds) {
        for (int fd : fds) {
            try {
                close(fd);
            } catch (SystemCallException e) {
                LOG.log(WARNING, "a descriptor that is needed no longer", e);
            }
        }
    }

    @Override
    public int duplicate(int fd, int min) throws SystemCallException {
        return check(c.fcntl(fd, F_DUPFD_CLOEXEC, min), "fcntl", "fd " + fd);
    }

    @Override
    public void close(int fd) throws SystemCallException {
        int result = c.close(fd);
        // Linux has closed the descriptor even when it says EINTR: never try again
        if (result < 0 && errno() != EINTR) {
            throw Errors.failure("close", errno(), "fd " + fd);
        }
    }

    @Override
    public void setCloseOnExec(int fd) throws SystemCallException {
        check(c.fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl", "fd " + fd);
    }

    @Override
    public void setNonBlocking(int fd) throws SystemCallException {
        check(c.fcntl(fd, F_SETFL, flags(fd) | O_NONBLOCK), "fcntl", "fd " + fd);
    }

    @Override
    public boolean isNonBlocking(int fd) throws SystemCallException {
        return (flags(fd) & O_NONBLOCK) != 0;
    }

    private int flags(int fd) throws SystemCallException {
        return check(c.fcntl(fd, F_GETFL, 0), "fcntl", "fd " + fd);
    }

    @Override
    public int unread(int fd) throws SystemCallException {
        int[] count = new int[1];
        check(c.ioctl(fd, FIONREAD, count), "ioctl", "fd " + fd);
        return count[0];
    }

    @Override
    public int memoryFile() throws SystemCallException {
        return check(c.memfd_create(terminated("tableflip"), MFD_CLOEXEC), "memfd_create", "");
    }

    @Override
    public void enlargePipe(int fd, int bytes) {
        if (bytes > PIPE_SIZE) {
            c.fcntl(fd, F_SETPIPE_SZ, Math.min(bytes, MAX_PIPE_SIZE)); // refused: what does not fit is written later
        }
    }

    @Override
    public int open(String path, int flags, int mode) throws SystemCallException {
        int fd;
        do {
            fd = c.open(terminated(path), flags | O_CLOEXEC, mode);
        } while (fd < 0 && errno() == EINTR);
        return check(fd, "open", path);
    }

    @Override
    public int read(int fd, byte[] buffer) throws SystemCallException {
        return transferred(() -> c.read(fd, buffer, buffer.length), "read", fd);
    }

    @Override
    public int readAt(int fd, byte[] buffer, long offset) throws SystemCallException {
        return transferred(() -> c.pread(fd, buffer, buffer.length, offset), "pread", fd);
    }

    @Override
    public int write(int fd, byte[] bytes, int offset) throws SystemCallException {
        int count = bytes.length - offset;
        Pointer memory = Memory.allocateDirect(runtime, count);
        memory.put(0, bytes, offset, count);
        return transferred(() -> c.write(fd, memory, count), "write", fd);
    }

    private int transferred(LongSupplier call, String name, int fd) throws SystemCallException {
        while (true) {
            long count = call.getAsLong();
            if (count >= 0) {
                return (int) count;
            }
            int errno = errno();
            if (errno == EAGAIN) {
                return WOULD_BLOCK;
            }
            if (errno != EINTR) {
                throw Errors.failure(name, errno, "fd " + fd);
            }
        }
    }

    @Override
    public void sendDatagram(byte[] address, byte[] message) throws SystemCallException {
        // SOCK_CLOEXEC and SOCK_NONBLOCK are the same numbers
        int fd = check(c.socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC | O_NONBLOCK, 0), "socket", "");
        try {
            // a path ends with a zero, which is there already, and an abstract name with its last byte
            int length = 2 + address.length + (address[0] == 0 ? 0 : 1);
            Pointer unix = Memory.allocateDirect(runtime, length, true);
            unix.putShort(0, (short) AF_UNIX);
            unix.put(2, address, 0, address.length);
            long sent;
            do {
                sent = c.sendto(fd, message, message.length, MSG_NOSIGNAL, unix, length);
            } while (sent < 0 && errno() == EINTR);
            if (sent < 0) {
                throw Errors.failure("sendto", errno(), UnixPaths.text(address));
            }
        } finally {
            closeAll(List.of(fd));
        }
    }

    @Override
    public SocketPair socketPair() throws SystemCallException {
        int[] fds = new int[2];
        check(c.socketpair(AF_UNIX, SOCK_SEQPACKET | O_CLOEXEC, 0, fds), "socketpair", "");
        return new SocketPair(fds[0], fds[1], proc.inode(fds[1], "socket").orElse(-1L));
    }

    @Override
    public MessageSocket messageSocket(int fd) {
        return new NativeMessageSocket(c, runtime, fd);
    }

    @Override
    public void poll(int[] readable, int writable) throws SystemCallException {
        int count = readable.length + (writable < 0 ? 0 : 1);
        Pointer polled = Memory.allocateDirect(runtime, count * 8);
        for (int i = 0; i < count; i++) {
            boolean read = i < readable.length;
            polled.putInt(i * 8L, read ? readable[i] : writable);
            polled.putShort(i * 8L + 4, read ? POLLIN : POLLOUT);
            polled.putShort(i * 8L + 6, (short) 0);
        }
        if (c.poll(polled, count, -1) < 0 && errno() != EINTR) {
            throw Errors.failure("poll", errno(), "");
        }
    }

    @Override
    public int awaitEnd(int pid) throws SystemCallException {
        Pointer info = Memory.allocateDirect(runtime, OPAQUE, true);
        while (c.waitid(P_PID, pid, info, WEXITED | WNOWAIT) < 0) {
            int errno = errno();
            if (errno == ECHILD) {
                return -1;
            }
            if (errno != EINTR) {
                throw Errors.failure("waitid", errno, "process " + pid);
            }
        }
        int status = info.getInt(SI_STATUS);
        return info.getInt(SI_CODE) == CLD_EXITED ? status : 128 + status;
    }

    @Override
    public int waitFor(int pid) throws SystemCallException {
        int[] status = new int[1];
        while (c.waitpid(pid, status, 0) != pid) {
            int errno = errno();
            if (errno == ECHILD) {
                return -1;
            }
            if (errno != EINTR) {
                throw Errors.failure("waitpid", errno, "process " + pid);
            }
        }
        int signal = status[0] & 0x7f;
        return signal == 0 ? (status[0] >> 8) & 0xff : 128 + signal;
    }

    @Override
    public void kill(int pid, int signal) throws SystemCallException {
        check(c.kill(pid, signal), "kill", "process " + pid);
    }

    /**
     * The number of a signal.
     *
     * @param name without the "SIG"
     * @throws IllegalArgumentException if there is none of this name
     */
    public static int signalNumber(String name) {
        return Signal.valueOf("SIG" + name).intValue();
    }

    @Override
    public void setIdle(int pid, boolean idle) throws SystemCallException {
        int from = idle ? SCHED_OTHER : SCHED_IDLE;
        int to = idle ? SCHED_IDLE : SCHED_OTHER;
        boolean changed = true;
        // again, since one that begins meanwhile may have been begun by one that was not asked yet; but not
        // for ever
        for (int pass = 0; changed && pass < MAX_PASSES; pass++) {
            changed = false;
            for (int thread : threads(pid)) {
                changed |= change(thread, from, to);
            }
        }
    }

    @Override
    public void takeBackIdle(int pid) throws SystemCallException {
        setIdle(pid, false);
        ProcessHandle.of(pid).stream().flatMap(ProcessHandle::descendants).forEach(process -> {
            try {
                setIdle((int) process.pid(), false);
            } catch (SystemCallException e) {
                LOG.log(DEBUG, "process " + process.pid() + " may have SCHED_IDLE", e); // or has ended
            }
        });
    }

    private List<Integer> threads(int pid) throws SystemCallException {
        try {
            return proc.threads(pid);
        } catch (IOException e) {
            throw Errors.failure("open", e, "/proc/" + pid + "/task");
        }
    }

    /** Not one that has another policy, which somebody has given it. */
    private boolean change(int thread, int from, int to) throws SystemCallException {
        String who = "thread " + thread;
        int policy = c.sched_getscheduler(thread);
        if (policy != from) {
            return policy < 0 && failsWithoutThread("sched_getscheduler", who);
        }
        Pointer parameters = Memory.allocateDirect(runtime, OPAQUE, true); // a priority of 0
        return c.sched_setscheduler(thread, to, parameters) >= 0 || failsWithoutThread("sched_setscheduler", who);
    }

    /** @return false, if the thread has ended meanwhile */
    private boolean failsWithoutThread(String call, String who) throws SystemCallException {
        if (errno() != ESRCH) {
            throw Errors.failure(call, errno(), who);
        }
        return false;
    }

    @Override
    public boolean isRunning(int pid) {
        Pointer info = Memory.allocateDirect(runtime, OPAQUE, true);
        // leaves it to be reaped; no process id: still running
        if (c.waitid(P_PID, pid, info, WEXITED | WNOHANG | WNOWAIT) == 0) {
            return info.getInt(SI_PID) == 0;
        }
        return errno() != ECHILD; // any other error tells nothing, and what cannot be told is not gone
    }

    @Override
    public int spawn(SpawnRequest request) throws SystemCallException {
        List<Integer> sources = new ArrayList<>();
        Pointer actions = Memory.allocateDirect(runtime, OPAQUE, true);
        zero(c.posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init", "");
        try {
            addActions(actions, request, sources);
            return spawn(request, actions);
        } finally {
            c.posix_spawn_file_actions_destroy(actions);
            closeAll(sources); // must not fail: the child is there
        }
    }

    private int spawn(SpawnRequest request, Pointer actions) throws SystemCallException {
        Pointer attributes = Memory.allocateDirect(runtime, OPAQUE, true);
        zero(c.posix_spawnattr_init(attributes), "posix_spawnattr_init", "");
        try {
            // Java blocks signals in its threads and a child would inherit that
            Pointer none = Memory.allocateDirect(runtime, OPAQUE, true);
            check(c.sigemptyset(none), "sigemptyset", "");
            zero(c.posix_spawnattr_setsigmask(attributes, none), "posix_spawnattr_setsigmask", "");
            zero(c.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK), "posix_spawnattr_setflags", "");
            return start(request, actions, attributes);
        } finally {
            c.posix_spawnattr_destroy(attributes);
        }
    }

    private void addActions(Pointer actions, SpawnRequest request, List<Integer> sources) throws SystemCallException {
        List<Integer> fds = request.fds();
        int end = FIRST_PASSED + fds.size();
        for (int i = 0; i < fds.size(); i++) {
            addDup(actions, above(end, fds.get(i), sources), FIRST_PASSED + i);
        }
        if (request.output() != SpawnRequest.INHERITED) {
            int output = above(end, request.output(), sources);
            addDup(actions, output, 1);
            addDup(actions, output, 2);
        }
        if (request.directory() != null) {
            changeDirectory(actions, request.directory());
        }
        closeFrom(actions, end);
    }

    /** A source above all targets, so that no dup2 overwrites that of a later one. */
    private int above(int end, int fd, List<Integer> sources) throws SystemCallException {
        if (fd >= end) {
            return fd;
        }
        int source = duplicate(fd, end);
        sources.add(source);
        return source;
    }

    private void addDup(Pointer actions, int source, int target) throws SystemCallException {
        zero(
                c.posix_spawn_file_actions_adddup2(actions, source, target),
                "posix_spawn_file_actions_adddup2",
                "fd " + source);
    }

    private void changeDirectory(Pointer actions, String directory) throws SystemCallException {
        String call = "posix_spawn_file_actions_addchdir_np";
        try {
            zero(c.posix_spawn_file_actions_addchdir_np(actions, terminated(directory)), call, directory);
        } catch (UnsatisfiedLinkError e) {
            // glibc before 2.29: as long as it is the directory of this process, the child inherits it
            if (!proc.isWorkingDirectory(directory)) {
                throw Errors.failure(call, Errno.ENOSYS, directory);
            }
        }
    }

    /**
     * A JVM has nearly everything open without close-on-exec: the child must close all that was not passed to
     * it.
     */
    private void closeFrom(Pointer actions, int from) throws SystemCallException {
        try {
            zero(
                    c.posix_spawn_file_actions_addclosefrom_np(actions, from),
                    "posix_spawn_file_actions_addclosefrom_np",
                    "");
        } catch (UnsatisfiedLinkError e) {
            closeEach(actions, from);
        }
    }

    /** For glibc before 2.34 and musl: one by one, and some that other threads may open until then. */
    private void closeEach(Pointer actions, int from) throws SystemCallException {
        int highest;
        try {
            highest = proc.highestFd();
        } catch (IOException e) {
            throw Errors.failure("open", e, "/proc/self/fd");
        }
        for (int fd = from; fd <= highest + 1024; fd++) {
            int errno = c.posix_spawn_file_actions_addclose(actions, fd);
            if (errno == EBADF && fd > highest) {
                return; // the limit of open files: there can be none from here on
            }
            zero(errno, "posix_spawn_file_actions_addclose", "fd " + fd);
        }
    }

    private int start(SpawnRequest request, Pointer actions, Pointer attributes) throws SystemCallException {
        List<Pointer> keep = new ArrayList<>();
        Pointer argv = vector(request.arguments(), keep);
        Pointer envp = vector(request.environment(), keep);
        int[] pid = new int[1];
        try {
            int errno = c.posix_spawn(pid, terminated(request.executable()), actions, attributes, argv, envp);
            String directory = request.directory();
            String where = directory == null ? "" : " in " + directory;
            zero(errno, "posix_spawn", request.executable() + where);
            return pid[0];
        } finally {
            Reference.reachabilityFence(keep);
        }
    }

    private Pointer vector(List<String> strings, List<Pointer> keep) {
        Pointer vector = Memory.allocateDirect(runtime, (strings.size() + 1) * 8, true);
        for (int i = 0; i < strings.size(); i++) {
            byte[] bytes = terminated(strings.get(i));
            Pointer string = Memory.allocateDirect(runtime, bytes.length);
            string.put(0, bytes, 0, bytes.length);
            vector.putPointer(i * 8L, string);
            keep.add(string);
        }
        keep.add(vector);
        return vector;
    }

    private static byte[] terminated(String text) {
        byte[] bytes = RawString.encode(text);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    private int errno() {
        return LastError.getLastError(runtime);
    }

    private int check(int result, String call, String object) throws SystemCallException {
        if (result < 0) {
            throw Errors.failure(call, errno(), object);
        }
        return result;
    }

    /** For the functions that return the error number. */
    private static void zero(int errno, String call, String object) throws SystemCallException {
        if (errno != 0) {
            throw Errors.failure(call, errno, object);
        }
    }
}
