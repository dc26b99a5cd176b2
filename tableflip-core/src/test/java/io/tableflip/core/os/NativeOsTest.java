package io.tableflip.core.os;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.libc.LibC;
import io.tableflip.core.text.RawString;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The real system calls, with small programs as children. */
class NativeOsTest {
    private static final LibC LIB_C = NativeOs.libC();
    private static final String LIST_FDS = "exec ls -l /proc/self/fd >&3";

    private final NativeOs os = new NativeOs(LIB_C);
    private final ProcFs proc = new ProcFs();
    private final List<Integer> toClose = new ArrayList<>();

    @AfterEach
    void closeAll() throws SystemCallException {
        for (int fd : toClose) {
            os.close(fd);
        }
    }

    /** C libraries of several ages. */
    enum C {
        GLIBC_2_34,
        /** No {@code addclosefrom_np}: musl too. */
        GLIBC_2_29,
        /** No {@code addchdir_np} either. */
        GLIBC_2_28;

        boolean misses(String function) {
            return switch (function) {
                case "posix_spawn_file_actions_addclosefrom_np" -> this != GLIBC_2_34;
                case "posix_spawn_file_actions_addchdir_np" -> this == GLIBC_2_28;
                default -> false;
            };
        }

        NativeOs os() {
            return new NativeOs((LibC) Proxy.newProxyInstance(
                    LibC.class.getClassLoader(), new Class<?>[] {LibC.class}, (proxy, method, arguments) -> {
                        if (misses(method.getName())) {
                            throw new UnsatisfiedLinkError(method.getName());
                        }
                        try {
                            return method.invoke(LIB_C, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getTargetException();
                        }
                    }));
        }
    }

    private Os.Pipe pipe() throws SystemCallException {
        Os.Pipe pipe = os.pipe();
        toClose.add(pipe.readEnd());
        toClose.add(pipe.writeEnd());
        return pipe;
    }

    private static Os.SpawnRequest shell(String script, @Nullable String directory, List<Integer> fds) {
        return new Os.SpawnRequest(
                "/bin/sh", List.of("sh", "-c", script), List.of("PATH=/usr/bin:/bin"), directory, fds);
    }

    /** What the child writes on descriptor 3; the others become 4, 5 and so on. */
    private String output(NativeOs with, Os.SpawnRequest request) throws IOException {
        Os.Pipe output = os.pipe();
        try (InputStream in = new FileInputStream("/proc/self/fd/" + output.readEnd())) {
            os.close(output.readEnd());
            List<Integer> fds = new ArrayList<>(List.of(output.writeEnd()));
            fds.addAll(request.fds());
            int pid;
            try {
                pid = with.spawn(new Os.SpawnRequest(
                        request.executable(), request.arguments(), request.environment(), request.directory(), fds));
            } finally {
                os.close(output.writeEnd());
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            in.transferTo(bytes);
            String text = bytes.toString(ISO_8859_1);
            assertEquals(0, os.waitFor(pid), text);
            return text;
        }
    }

    /** Descriptors and what they are, but for the directory that ls itself reads. */
    private static Map<Integer, String> parse(String listing) {
        Map<Integer, String> fds = new TreeMap<>();
        listing.lines()
                .filter(line -> line.contains(" -> ") && !line.endsWith("/fd"))
                .forEach(line -> {
                    String[] parts = line.substring(line.lastIndexOf(':', line.indexOf(" -> ")) + 3)
                            .trim()
                            .split(" -> ", 2);
                    fds.put(Integer.parseInt(parts[0].trim()), parts[1]);
                });
        return fds;
    }

    @ParameterizedTest
    @EnumSource
    void theChildHasNoForeignDescriptors(C library, @TempDir Path directory) throws Exception {
        Os.Pipe passed = pipe();
        Set<Integer> expected = Set.of(0, 1, 2, 3, 4);
        NativeOs with = library.os();
        try (Noise noise = new Noise(directory.resolve("file"))) {
            for (int i = 0; i < 50; i++) {
                Map<Integer, String> fds = parse(output(with, shell(LIST_FDS, null, List.of(passed.readEnd()))));
                assertEquals(expected, fds.keySet(), fds::toString);
                assertEquals("pipe:[" + passed.inode() + "]", fds.get(4));
            }
            assertTrue(noise.isOn());
        }
    }

    @ParameterizedTest
    @EnumSource
    void reversedDoubledAndOverlappingTablesArriveRight(C library) throws Exception {
        List<Integer> fds = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            fds.add(pipe().writeEnd());
        }
        for (int low = 2; low < 12; low++) { // numbers that are targets too
            if (proc.describe(low).isPresent()) {
                fds.add(0, low);
            }
        }
        fds.addAll(List.copyOf(fds));
        Map<Integer, String> listed = parse(output(library.os(), shell(LIST_FDS, null, fds)));
        for (int i = 0; i < fds.size(); i++) {
            assertEquals(proc.describe(fds.get(i)).orElseThrow(), listed.get(4 + i), "fd " + (4 + i) + " of " + listed);
        }
        assertEquals(4 + fds.size(), listed.size());
    }

    @Test
    void aThousandDescriptorsArrive() throws Exception {
        Os.Pipe pipe = pipe();
        List<Integer> fds = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            fds.add(pipe.readEnd());
            fds.add(pipe.writeEnd());
        }
        Map<Integer, String> listed = parse(output(os, shell(LIST_FDS, null, fds)));
        assertEquals(4 + fds.size(), listed.size());
    }

    @Test
    void noSignalIsBlockedInTheChildAndWhatIsIgnoredStaysSo() throws Exception {
        String status = output(os, shell("exec cat /proc/self/status >&3", null, List.of()));
        assertTrue(status.contains("SigBlk:\t0000000000000000"), status);
        assertEquals(ignored(Files.readString(Path.of("/proc/self/status"))), ignored(status));
    }

    /** Of the signals up to 31; those behind belong to the C library. */
    private static int ignored(String status) {
        String line =
                status.lines().filter(l -> l.startsWith("SigIgn:")).findFirst().orElseThrow();
        return (int) Long.parseUnsignedLong(line.substring(7).trim(), 16) & Integer.MAX_VALUE;
    }

    @Test
    void aLowLimitOfDescriptorsIsNoHindrance() throws Exception {
        NativeOs with = C.GLIBC_2_29.os();
        String self = Long.toString(ProcessHandle.current().pid());
        String before =
                prlimit(self, "--output=SOFT", "--noheadings", "--nofile").strip();
        prlimit(self, "--nofile=" + (proc.highestFd() + 50) + ":");
        try {
            assertEquals(
                    Set.of(0, 1, 2, 3),
                    parse(output(with, shell(LIST_FDS, null, List.of()))).keySet());
        } finally {
            prlimit(self, "--nofile=" + before + ":");
        }
    }

    private static String prlimit(String pid, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of("prlimit", "--pid", pid));
        command.addAll(List.of(options));
        return Commands.output(new ProcessBuilder(command));
    }

    @ParameterizedTest
    @EnumSource
    void theChildBeginsInTheDirectory(C library, @TempDir Path directory) throws Exception {
        if (library == C.GLIBC_2_28) {
            String here = Path.of("").toAbsolutePath().toString();
            assertEquals(here + "\n", output(library.os(), shell("pwd -P >&3", here, List.of())));
            SystemCallException failure = assertThrows(
                    SystemCallException.class,
                    () -> library.os().spawn(shell("exit 0", directory.toString(), List.of())));
            assertEquals("posix_spawn_file_actions_addchdir_np", failure.call());
            assertEquals(Errno.ENOSYS.intValue(), failure.errno());
        } else {
            assertEquals(
                    directory.toRealPath() + "\n",
                    output(library.os(), shell("pwd -P >&3", directory.toString(), List.of())));
        }
    }

    @Test
    void argumentsAndEnvironmentKeepTheirBytes() throws Exception {
        List<String> arguments = List.of(
                "sh",
                "-c",
                "cat /proc/$$/cmdline >&3; printf '|' >&3; cat /proc/$$/environ >&3",
                "",
                "a\nb",
                "\uDCFF\uDCFE",
                "x".repeat(20_000));
        List<String> environment = List.of("PATH=/usr/bin:/bin", "RAW=\uDCC3(", "EMPTY=", "NL=\n");
        String output = output(os, new Os.SpawnRequest("/bin/sh", arguments, environment, null, List.of()));
        String[] parts = output.split("\\|", 2);
        // the first | is in the script itself
        String cmdline = parts[0] + "|" + parts[1].substring(0, parts[1].indexOf('|'));
        assertEquals(arguments, RawString.decodeBlock(cmdline.getBytes(ISO_8859_1)));
        assertEquals(
                environment,
                RawString.decodeBlock(
                        parts[1].substring(parts[1].indexOf('|') + 1).getBytes(ISO_8859_1)));
    }

    @Test
    void aChildCanPrintIntoAFileInMemory() throws Exception {
        int file = os.memoryFile();
        toClose.add(file);
        Os.Pipe pipe = pipe();
        int pid = os.spawn(new Os.SpawnRequest(
                "/bin/sh",
                List.of("sh", "-c", "echo one; echo two >&2; echo three; exec ls -l /proc/self/fd/ >&3"),
                List.of("PATH=/usr/bin:/bin"),
                null,
                List.of(pipe.writeEnd()),
                file));
        assertEquals(0, os.waitFor(pid));
        byte[] printed = new byte[100];
        int count = os.readAt(file, printed, 0);
        assertEquals("one\ntwo\nthree\n", new String(printed, 0, count, ISO_8859_1));
        assertEquals(count - 4, os.readAt(file, printed, 4));
        assertEquals(0, os.readAt(file, printed, count));

        int unread = os.unread(pipe.writeEnd());
        assertTrue(unread > 0);
        byte[] listing = new byte[unread];
        assertEquals(unread, os.read(pipe.readEnd(), listing));
        assertEquals(Set.of(0, 1, 2, 3), parse(new String(listing, ISO_8859_1)).keySet());
        assertEquals(0, os.unread(pipe.writeEnd()));
    }

    @Test
    void failuresNameTheCallAndLeaveNothingOpen(@TempDir Path directory) throws Exception {
        Os.Pipe pipe = pipe();
        Path noProgram = Files.writeString(directory.resolve("text"), "no program");
        long before = openFds();
        for (int i = 0; i < 100; i++) {
            assertFailure("posix_spawn", Errno.ENOENT, "/no/such/program", List.of(pipe.readEnd()), null);
            assertFailure("posix_spawn", Errno.ENOENT, "/bin/sh", List.of(pipe.readEnd()), "/no/such/directory");
            assertFailure("posix_spawn", Errno.EACCES, noProgram.toString(), List.of(pipe.readEnd()), null);
            assertFailure(
                    "posix_spawn_file_actions_adddup2",
                    Errno.EBADF,
                    "/bin/sh",
                    List.of(pipe.readEnd(), 1_000_000),
                    null);
        }
        assertTrue(openFds() < before + 100, "from " + before + " to " + openFds());
    }

    private void assertFailure(
            String call, Errno errno, String executable, List<Integer> fds, @Nullable String directory) {
        SystemCallException failure = assertThrows(
                SystemCallException.class,
                () -> os.spawn(new Os.SpawnRequest(executable, List.of("x"), List.of(), directory, fds)));
        assertEquals(call, failure.call());
        assertEquals(errno.intValue(), failure.errno(), failure::toString);
        if (call.equals("posix_spawn")) {
            assertTrue(failure.object().contains(directory == null ? executable : directory), failure::object);
        }
    }

    private static long openFds() throws IOException {
        try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
            return fds.count();
        }
    }

    @Test
    void tellsHowAChildEnded() throws Exception {
        assertEquals(3, os.waitFor(os.spawn(shell("exit 3", null, List.of()))));
        assertEquals(128 + 15, os.waitFor(os.spawn(shell("kill -TERM $$", null, List.of()))));
        int reaped = os.spawn(shell("exit 0", null, List.of()));
        assertEquals(0, os.waitFor(reaped));
        assertEquals(-1, os.waitFor(reaped), "ECHILD");
        assertEquals(-1, os.awaitEnd(reaped), "ECHILD");
    }

    @ParameterizedTest
    @CsvSource({
        "exit 3, 3",
        "exit 255, 255",
        "kill -TERM $$, 143",
        "kill -KILL $$, 137",
        "ulimit -c 0; kill -ABRT $$, 134"
    })
    void aChildThatIsAwaitedIsNotReaped(String script, int status) throws Exception {
        int pid = os.spawn(shell(script, null, List.of()));
        assertEquals(status, os.awaitEnd(pid));
        assertEquals(status, os.awaitEnd(pid), "still there");
        assertEquals(status, os.waitFor(pid));
    }

    @Test
    void aZombieDoesNotRun() throws Exception {
        Os.Pipe pipe = pipe();
        int pid = os.spawn(shell("read line <&3", null, List.of(pipe.readEnd())));
        assertTrue(os.isRunning(pid));
        os.kill(pid, ChildProcess.SIGKILL);
        Await.until("a zombie", () -> !os.isRunning(pid));
        assertEquals(128 + 9, os.waitFor(pid));
        assertFalse(os.isRunning(pid));
        SystemCallException failure = assertThrows(SystemCallException.class, () -> os.kill(pid, 0));
        assertEquals(Errno.ESRCH.intValue(), failure.errno());
    }

    @Test
    void pipesAreCloseOnExecAndKnownByTheirInode() throws Exception {
        Os.Pipe pipe = pipe();
        assertEquals(pipe.inode(), proc.readablePipe(pipe.readEnd()).orElseThrow());
        assertEquals(pipe.inode(), proc.writablePipe(pipe.writeEnd()).orElseThrow());
        for (int fd : new int[] {pipe.readEnd(), pipe.writeEnd()}) {
            assertTrue(isCloseOnExec(fd));
        }
        int copy = os.duplicate(pipe.readEnd(), 500);
        toClose.add(copy);
        assertTrue(copy >= 500);
        assertTrue(isCloseOnExec(copy));
    }

    private static boolean isCloseOnExec(int fd) throws IOException {
        return (flags(fd) & 02000000) != 0;
    }

    private static int flags(int fd) throws IOException {
        String flags = Files.readAllLines(Path.of("/proc/self/fdinfo/" + fd)).stream()
                .filter(line -> line.startsWith("flags:"))
                .findFirst()
                .orElseThrow();
        return Integer.parseInt(flags.substring(6).trim(), 8);
    }

    @Test
    void filesAreOpenedAsAsked(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("app.log");
        Files.writeString(file, "old ");
        int fd = os.open(file.toString(), 02001, 0600); // O_APPEND | O_WRONLY
        toClose.add(fd);
        os.write(fd, "?new".getBytes(ISO_8859_1), 1);
        assertEquals("old new", Files.readString(file));
        assertTrue(isCloseOnExec(fd));
        SystemCallException failure =
                assertThrows(SystemCallException.class, () -> os.open(directory + "/no/such", 0, 0));
        assertEquals("open", failure.call());
        assertEquals(directory + "/no/such", failure.object());
        assertEquals(Errno.ENOENT.intValue(), failure.errno());
    }

    @Test
    void readsWritesAndPolls() throws Exception {
        Os.Pipe pipe = os.pipe();
        assertFalse(os.isNonBlocking(pipe.readEnd()));
        os.setNonBlocking(pipe.readEnd());
        assertTrue(os.isNonBlocking(pipe.readEnd()));
        os.setNonBlocking(pipe.writeEnd());
        byte[] buffer = new byte[8];
        assertEquals(Os.WOULD_BLOCK, os.read(pipe.readEnd(), buffer));
        os.poll(new int[] {pipe.readEnd()}, pipe.writeEnd()); // can be written
        assertEquals(2, os.write(pipe.writeEnd(), new byte[] {1, 2, 3}, 1));
        os.poll(new int[] {pipe.readEnd()}, -1);
        assertEquals(2, os.read(pipe.readEnd(), buffer));
        assertArrayEquals(new byte[] {2, 3}, Arrays.copyOf(buffer, 2));
        byte[] much = new byte[200_000];
        int written = os.write(pipe.writeEnd(), much, 0);
        assertTrue(written > 0 && written < much.length);
        assertEquals(Os.WOULD_BLOCK, os.write(pipe.writeEnd(), much, written));
        os.close(pipe.readEnd());
        SystemCallException broken = assertThrows(SystemCallException.class, () -> os.write(pipe.writeEnd(), much, 0));
        assertEquals(Errno.EPIPE.intValue(), broken.errno());
        os.close(pipe.writeEnd());
        SystemCallException closed = assertThrows(SystemCallException.class, () -> os.close(-1));
        assertEquals(Errno.EBADF.intValue(), closed.errno());
        assertEquals("fd -1", closed.object());
    }

    @Test
    void endOfFileIsSeen() throws Exception {
        Os.Pipe pipe = os.pipe();
        toClose.add(pipe.readEnd());
        os.setNonBlocking(pipe.readEnd());
        os.close(pipe.writeEnd());
        os.poll(new int[] {pipe.readEnd()}, -1);
        assertEquals(0, os.read(pipe.readEnd(), new byte[1]));
    }

    @Test
    void aPipeTakesMoreWhenItIsEnlarged() throws Exception {
        Os.Pipe pipe = pipe();
        os.setNonBlocking(pipe.writeEnd());
        byte[] many = new byte[300_000];
        assertTrue(os.write(pipe.writeEnd(), many, 0) < many.length);
        Os.Pipe enlarged = pipe();
        os.setNonBlocking(enlarged.writeEnd());
        os.enlargePipe(enlarged.writeEnd(), many.length);
        assertEquals(many.length, os.write(enlarged.writeEnd(), many, 0));
    }
}
