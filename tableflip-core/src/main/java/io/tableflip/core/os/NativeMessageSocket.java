package io.tableflip.core.os;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.libc.LibC;
import java.util.Set;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.jspecify.annotations.Nullable;

/** Through sendmsg and recvmsg. */
final class NativeMessageSocket implements MessageSocket {
    private static final System.Logger LOG = Log.get();

    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    private static final int SHUT_RDWR = 2;
    private static final int MSG_CTRUNC = 0x8;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_CMSG_CLOEXEC = 0x40000000;

    private static final int EINTR = Errno.EINTR.intValue();
    private static final int ECONNRESET = Errno.ECONNRESET.intValue();
    /**
     * The receiver has to read first, or memory is short; too many descriptors of this user are in flight.
     */
    private static final Set<Integer> LATER =
            Set.of(Errno.EAGAIN.intValue(), Errno.ENOBUFS.intValue(), Errno.ETOOMANYREFS.intValue(), EINTR);

    private final LibC c;
    private final Runtime runtime;
    private final int fd;
    private final Header out;
    private final Header in;

    NativeMessageSocket(LibC c, Runtime runtime, int fd) {
        this.c = c;
        this.runtime = runtime;
        this.fd = fd;
        out = new Header(runtime);
        in = new Header(runtime);
    }

    @Override
    public boolean send(byte[] message, int[] fds) throws SystemCallException {
        synchronized (out) {
            out.put(message, fds);
            if (c.sendmsg(fd, out.header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
                return true;
            }
            int errno = LastError.getLastError(runtime);
            if (LATER.contains(errno)) {
                return false;
            }
            throw Errors.failure("sendmsg", errno, "fd " + fd);
        }
    }

    @Override
    public @Nullable Received receive() throws SystemCallException {
        synchronized (in) {
            while (true) {
                in.clear();
                long count = c.recvmsg(fd, in.header, MSG_CMSG_CLOEXEC);
                if (count > 0) {
                    return in.received((int) count);
                }
                if (count == 0) {
                    return null;
                }
                int errno = LastError.getLastError(runtime);
                // ECONNRESET: the other side has closed its end with something of ours unread. The kernel
                // says that before what the other side has sent.
                if (errno != EINTR && errno != ECONNRESET) {
                    throw Errors.failure("recvmsg", errno, "fd " + fd);
                }
            }
        }
    }

    @Override
    public void shutDown() {
        if (c.shutdown(fd, SHUT_RDWR) < 0) {
            LOG.log(DEBUG, "shutdown of fd {0}: errno {1}", fd, LastError.getLastError(runtime));
        }
    }

    @Override
    public void close() {
        if (c.close(fd) < 0) {
            LOG.log(DEBUG, "close of fd {0}: errno {1}", fd, LastError.getLastError(runtime));
        }
    }

    /** A struct msghdr and the memory that it points to; the same on x86-64 and aarch64, glibc and musl. */
    private static final class Header {
        private static final int SIZE = 56;
        private static final int IOV = 16;
        private static final int IOV_COUNT = 24;
        private static final int CONTROL = 32;
        private static final int CONTROL_LENGTH = 40;
        private static final int FLAGS = 48;
        private static final int IOV_SIZE = 16;

        // struct cmsghdr: its length, level and type, then the descriptors
        private static final int LEVEL = 8;
        private static final int TYPE = 12;
        private static final int DATA = 16;
        /** A little more than fits: the kernel pads. */
        private static final int CONTROL_SIZE = DATA + Integer.BYTES * (MAX_DESCRIPTORS + 3);

        final Pointer header;
        private final Pointer iov;
        private final Pointer control;
        private final Pointer data;

        Header(Runtime runtime) {
            header = Memory.allocateDirect(runtime, SIZE, true);
            iov = Memory.allocateDirect(runtime, IOV_SIZE, true);
            control = Memory.allocateDirect(runtime, CONTROL_SIZE, true);
            data = Memory.allocateDirect(runtime, MAX_BYTES, true);
            iov.putAddress(0, data.address());
            header.putAddress(IOV, iov.address());
            header.putLong(IOV_COUNT, 1);
        }

        void put(byte[] message, int[] fds) {
            if (message.length == 0 || message.length > MAX_BYTES || fds.length > MAX_DESCRIPTORS) {
                throw new IllegalArgumentException(message.length + " bytes, " + fds.length + " descriptors");
            }
            data.put(0, message, 0, message.length);
            long length = fds.length == 0 ? 0 : DATA + (long) Integer.BYTES * fds.length;
            if (fds.length > 0) {
                control.putLong(0, length);
                control.putInt(LEVEL, SOL_SOCKET);
                control.putInt(TYPE, SCM_RIGHTS);
                control.put(DATA, fds, 0, fds.length);
            }
            prepare(message.length, length);
        }

        void clear() {
            control.putLong(0, 0);
            prepare(MAX_BYTES, CONTROL_SIZE);
        }

        private void prepare(long dataLength, long controlLength) {
            iov.putLong(Long.BYTES, dataLength);
            header.putAddress(CONTROL, controlLength == 0 ? 0 : control.address());
            header.putLong(CONTROL_LENGTH, controlLength);
            header.putInt(FLAGS, 0);
        }

        Received received(int count) {
            byte[] bytes = new byte[count];
            data.get(0, bytes, 0, count);
            boolean hasFds = header.getLong(CONTROL_LENGTH) > DATA && control.getInt(TYPE) == SCM_RIGHTS;
            int[] fds = new int[hasFds ? (int) (control.getLong(0) - DATA) / Integer.BYTES : 0];
            control.get(DATA, fds, 0, fds.length);
            return new Received(bytes, fds, (header.getInt(FLAGS) & MSG_CTRUNC) != 0);
        }
    }
}
