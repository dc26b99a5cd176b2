package io.tableflip.core.observe;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.NativeOs;
import io.tableflip.testsupport.Await;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/** The other end of NOTIFY_SOCKET. */
final class NotifySocket implements AutoCloseable {
    private static final NativeOs OS = new NativeOs();
    private static final Socket C = LibraryLoader.create(Socket.class).load("c");
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC_NONBLOCK = 02004002;

    private final int fd;
    private final List<String> messages = new CopyOnWriteArrayList<>();

    /** What else the C library must do. */
    public interface Socket {
        int socket(int domain, int type, int protocol);

        int bind(int fd, Pointer address, int length);
    }

    /** @param address a path, or a name that begins with an @ */
    NotifySocket(String address) {
        byte[] path = address.getBytes(UTF_8);
        Pointer unix = Memory.allocateDirect(Runtime.getSystemRuntime(), 110, true);
        unix.putShort(0, (short) AF_UNIX);
        unix.put(2, path, 0, path.length);
        boolean isAbstract = path[0] == '@';
        if (isAbstract) {
            unix.putByte(2, (byte) 0);
        }
        fd = C.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0);
        if (C.bind(fd, unix, 2 + path.length + (isAbstract ? 0 : 1)) != 0) {
            throw new IllegalStateException("cannot bind " + address);
        }
    }

    /** All that was received until now. */
    List<String> messages() throws SystemCallException {
        byte[] buffer = new byte[65536];
        for (int count = OS.read(fd, buffer); count >= 0; count = OS.read(fd, buffer)) {
            messages.add(new String(buffer, 0, count, UTF_8));
        }
        return messages;
    }

    /** A message that matches comes, now or later. */
    void await(String regex) throws Exception {
        Await.until(regex, () -> {
            try {
                return messages().stream().anyMatch(message -> message.matches("(?s)" + regex));
            } catch (SystemCallException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Override
    public void close() throws SystemCallException {
        OS.close(fd);
    }
}
