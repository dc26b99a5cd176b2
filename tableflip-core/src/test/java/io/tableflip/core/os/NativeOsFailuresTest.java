package io.tableflip.core.os;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.libc.LibC;
import io.tableflip.testsupport.Logs;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The real system calls, of which one fails. */
class NativeOsFailuresTest {
    private static final LibC LIB_C = NativeOs.libC();

    private final FailingLibC libC = new FailingLibC();
    private final NativeOs os = new NativeOs(libC.proxy());

    /** Lets functions fail, and knows which descriptors the others have opened. */
    private static final class FailingLibC {
        private @Nullable String function;
        private int skip;
        private int times;
        private int errno;
        private boolean returnsErrno;
        private int count;
        private final Set<Integer> open = new HashSet<>();
        private final List<Integer> spawned = new ArrayList<>();
        private final TreeMap<String, Integer> calls = new TreeMap<>();

        LibC proxy() {
            return (LibC) Proxy.newProxyInstance(
                    LibC.class.getClassLoader(),
                    new Class<?>[] {LibC.class},
                    (proxy, method, arguments) -> call(method, arguments));
        }

        void fail(String name, int after, int howOften, Errno with) {
            function = name;
            skip = after;
            times = howOften;
            errno = with.intValue();
            returnsErrno = name.startsWith("posix_spawn");
            count = 0;
        }

        private Object call(Method method, Object[] arguments) throws Throwable {
            String name = method.getName();
            calls.merge(name, 1, Integer::sum);
            if (name.equals(function) && count++ >= skip && count <= skip + times) {
                if (name.equals("close")) { // Linux closes it all the same
                    invoke(method, arguments);
                }
                LastError.setLastError(Runtime.getSystemRuntime(), errno);
                Object failed = returnsErrno ? (Object) errno : -1;
                return method.getReturnType() == long.class ? ((Number) failed).longValue() : failed;
            }
            return invoke(method, arguments);
        }

        private Object invoke(Method method, Object[] arguments) throws Throwable {
            try {
                Object result = method.invoke(LIB_C, arguments);
                note(method.getName(), arguments, ((Number) result).intValue());
                return result;
            } catch (InvocationTargetException e) {
                throw e.getTargetException();
            }
        }

        private void note(String name, Object[] arguments, int result) {
            if (name.equals("pipe2") && result == 0) {
                open.add(((int[]) arguments[0])[0]);
                open.add(((int[]) arguments[0])[1]);
            } else if (name.equals("open")
                    || name.equals("memfd_create")
                    || (name.equals("fcntl") && (int) arguments[1] == 1030)) {
                open.add(result);
            } else if (name.equals("close")) {
                open.remove((Integer) arguments[0]);
            } else if (name.equals("posix_spawn") && result == 0) {
                spawned.add(((int[]) arguments[0])[0]);
            }
        }

        int calls(String name) {
            return calls.getOrDefault(name, 0);
        }
    }

    /** Calls the seam, with what is open or exists, and answers with what the call is about. */
    private String call(String method) throws SystemCallException {
        switch (method) {
            case "pipe" -> os.pipe();
            case "duplicate" -> os.duplicate(0, 0);
            case "setCloseOnExec" -> os.setCloseOnExec(0);
            case "setNonBlocking" -> os.setNonBlocking(0);
            case "open" -> os.open("/dev/null", 0, 0);
            case "read" -> os.read(0, new byte[1]);
            case "write" -> os.write(0, new byte[1], 0);
            case "poll" -> os.poll(new int[] {0}, -1);
            case "awaitEnd" -> os.awaitEnd(1);
            case "waitFor" -> os.waitFor(1);
            case "kill" -> os.kill(1, 0);
            default -> throw new IllegalArgumentException(method);
        }
        return method;
    }

    @ParameterizedTest
    @CsvSource({
        "pipe,           '', pipe2,   EMFILE",
        "pipe,           '', pipe2,   ENFILE",
        "duplicate,      fd 0, fcntl,   EMFILE",
        "duplicate,      fd 0, fcntl,   EBADF",
        "setCloseOnExec, fd 0, fcntl,   EBADF",
        "setNonBlocking, fd 0, fcntl,   EBADF",
        "open,           /dev/null, open,    EACCES",
        "open,           /dev/null, open,    EMFILE",
        "open,           /dev/null, open,    ENOSPC",
        "read,           fd 0, read,    EIO",
        "write,          fd 0, write,   EPIPE",
        "write,          fd 0, write,   ENOMEM",
        "poll,           '', poll,    ENOMEM",
        "awaitEnd,       process 1, waitid,  EINVAL",
        "waitFor,        process 1, waitpid, EINVAL",
        "kill,           process 1, kill,    EPERM",
    })
    void anErrorIsTyped(String method, String object, String function, Errno errno) {
        libC.fail(function, 0, 1, errno);
        SystemCallException failure = assertThrows(SystemCallException.class, () -> call(method));
        assertEquals(function, failure.call());
        assertEquals(errno.intValue(), failure.errno());
        assertEquals(object, failure.object());
        assertTrue(failure.toString().contains(errno.description()), failure::toString);
        assertEquals(1, libC.calls(function), "not tried again");
        assertEquals(Set.of(), libC.open);
    }

    @Test
    void aSignalInterruptsNothing() throws Exception {
        libC.fail("open", 0, 3, Errno.EINTR);
        int fd = os.open("/dev/zero", 0, 0);
        libC.fail("read", 0, 3, Errno.EINTR);
        assertEquals(1, os.read(fd, new byte[1]));
        os.close(fd);
        fd = os.open("/dev/null", 1, 0);
        libC.fail("write", 0, 3, Errno.EINTR);
        assertEquals(1, os.write(fd, new byte[1], 0));
        libC.fail("close", 0, 1, Errno.EINTR);
        int closedBefore = libC.calls("close");
        os.close(fd);
        assertEquals(closedBefore + 1, libC.calls("close"), "the number may be somebody else's by then");
        int pid = os.spawn(shell("exit 3"));
        libC.fail("waitid", 0, 3, Errno.EINTR);
        assertEquals(3, os.awaitEnd(pid));
        libC.fail("waitpid", 0, 3, Errno.EINTR);
        assertEquals(3, os.waitFor(pid));
        libC.fail("poll", 0, 1, Errno.EINTR);
        os.poll(new int[0], -1); // wakes early
        assertEquals(Set.of(), libC.open);
    }

    @Test
    void whatWouldBlockIsNoError() throws Exception {
        libC.fail("read", 0, 1, Errno.EAGAIN);
        assertEquals(Os.WOULD_BLOCK, os.read(1_000_000, new byte[1]));
        libC.fail("write", 0, 1, Errno.EAGAIN);
        assertEquals(Os.WOULD_BLOCK, os.write(1_000_000, new byte[1], 0));
    }

    private static Os.SpawnRequest shell(String script, Integer... fds) {
        return new Os.SpawnRequest("/bin/sh", List.of("sh", "-c", script), List.of(), "/", List.of(fds));
    }

    @ParameterizedTest
    @CsvSource({
        "fcntl,                                    0, EMFILE",
        "fcntl,                                    1, EMFILE",
        "posix_spawn_file_actions_init,            0, ENOMEM",
        "posix_spawn_file_actions_adddup2,         0, ENOMEM",
        "posix_spawn_file_actions_adddup2,         1, EBADF",
        "posix_spawn_file_actions_addchdir_np,     0, ENOMEM",
        "posix_spawn_file_actions_addclosefrom_np, 0, ENOMEM",
        "posix_spawnattr_init,                     0, ENOMEM",
        "posix_spawnattr_setsigmask,               0, EINVAL",
        "posix_spawnattr_setflags,                 0, EINVAL",
        "posix_spawn,                              0, EAGAIN",
        "posix_spawn,                              0, ENOMEM",
    })
    void aSpawnThatFailsLeavesNothing(String function, int skip, Errno errno) throws Exception {
        libC.fail(function, skip, 1, errno);
        SystemCallException failure = assertThrows(SystemCallException.class, () -> os.spawn(shell("exit 0", 0, 1)));
        assertEquals(function, failure.call());
        assertEquals(errno.intValue(), failure.errno());
        assertEquals(Set.of(), libC.open);
        assertEquals(List.of(), libC.spawned);
        assertBalanced("posix_spawn_file_actions_init", "posix_spawn_file_actions_destroy", function);
        assertBalanced("posix_spawnattr_init", "posix_spawnattr_destroy", function);
        assertEquals(7, os.waitFor(os.spawn(shell("exit 7", 0, 1))), "the next one");
    }

    private void assertBalanced(String init, String destroy, String failed) {
        assertEquals(libC.calls(init) - (failed.equals(init) ? 1 : 0), libC.calls(destroy), destroy);
    }

    /**
     * A caller that got an exception would take it that there is no child, and nobody would wait for that.
     */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aDuplicateThatCannotBeClosedIsNoFailureOfTheSpawn(int skip) throws Exception {
        try (Logs logs = new Logs()) {
            libC.fail("close", skip, 1, Errno.EIO);
            int pid = os.spawn(shell("exit 5", 0, 1));
            assertEquals(List.of(pid), libC.spawned);
            assertEquals(Set.of(), libC.open);
            assertTrue(logs.has("Input/output error"), logs::toString);
            assertEquals(5, os.waitFor(pid));
        }
    }

    /** Whatever becomes of the rehearsal, it must leave nothing behind in the service. */
    @ParameterizedTest
    @CsvSource({
        "pipe2, 0, EMFILE",
        "fcntl, 0, EMFILE",
        "fcntl, 1, EBADF",
        "fcntl, 2, EBADF",
        "fcntl, 3, EBADF",
        "write, 0, EIO",
        "poll,  0, ENOMEM",
        "read,  0, EIO",
        "kill,  0, EPERM",
    })
    void aRehearsalThatFailsLeavesNothing(String function, int skip, Errno errno) {
        libC.fail(function, skip, 1, errno);
        SystemCallException failure = assertThrows(SystemCallException.class, os::rehearse);
        assertEquals(function, failure.call());
        assertEquals(errno.intValue(), failure.errno());
        assertEquals(Set.of(), libC.open);
    }

    /** A filter of system calls, for example. */
    @ParameterizedTest
    @CsvSource({"ioctl, ENOTTY", "memfd_create, ENOSYS", "pread, EIO"})
    void whatOnlyAFailureNeedsMayBeMissing(String function, Errno errno) throws Exception {
        libC.fail(function, 0, 1, errno);
        os.rehearse();
        assertEquals(Set.of(), libC.open);
    }

    @Test
    void whatCannotBeToldIsNotGone() throws Exception {
        int pid = os.spawn(shell("exec sleep 1000"));
        try {
            libC.fail("waitid", 0, 1, Errno.ENOMEM);
            assertTrue(os.isRunning(pid));
            libC.fail("waitid", 0, 1, Errno.ECHILD);
            assertFalse(os.isRunning(pid));
            assertTrue(os.isRunning(pid));
        } finally {
            os.kill(pid, ChildProcess.SIGKILL);
            os.waitFor(pid);
        }
    }
}
