package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * System calls that fail in the real process, by way of strace, during one upgrade under load. What strace cannot single out (reads and
 * writes of one pipe) fails in FailingCallsTest of core.
 */
@Tag("tools")
class FailingCallsIT {
    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "pipe2, EMFILE, pipe2: .*errno 24",
        "pipe2, ENFILE, pipe2: .*errno 23",
        "fcntl, EMFILE, fcntl fd \\d+: .*errno 24",
        "fcntl, EAGAIN, fcntl fd \\d+: .*errno 11",
        "execve, ENOMEM, posix_spawn \\S+/java.*errno 12",
        "execve, EACCES, posix_spawn \\S+/java.*errno 13",
        "execve, EAGAIN, posix_spawn \\S+/java.*errno 11",
        "poll, ENOMEM, poll: .*errno 12",
        "'rename,renameat,renameat2', EACCES, PID file \\S+/service.pid.*rename.*errno 13",
        "'rename,renameat,renameat2', ENOSPC, PID file \\S+/service.pid.*rename.*errno 28",
    })
    void theUpgradeFailsByNameAndTheServiceGoesOn(String call, String error, String words) throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait();
                StrictLoad load = load(service)) {
            long parent = service.pid();
            service.awaitLog("prepared for the next upgrade");
            SortedMap<Integer, String> before = withoutSockets(parent);
            try (Strace strace = Strace.inject(parent, call, error, "1+")) {
                service.signal("HUP", parent);
                service.awaitMatch("upgrade: failed after \\S+ ms, this process serves on: .*" + words);
                strace.detach();
            }
            service.awaitProcesses(1);
            Await.until(
                    "as before",
                    () -> withoutSockets(parent).equals(before),
                    () -> withoutSockets(parent) + " not " + before);
            assertEquals(parent, service.pid());
            Await.until("no zombies", () -> Proc.zombies(parent).isEmpty(), service::log);
            service.awaitFiles("log", "service.pid", "service.pid.status");
            service.upgrade();
            assertClean(load.stop(), service);
        }
    }

    /** What is interrupted is done again. */
    @ParameterizedTest
    @ValueSource(strings = {"waitid", "poll"})
    void anInterruptedCallIsDoneAgain(String call) throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait();
                StrictLoad load = load(service)) {
            long parent = service.pid();
            try (Strace strace = Strace.inject(parent, call, "EINTR", "1..3")) {
                service.signal("HUP", parent);
                service.awaitServing(2);
                service.awaitGone(parent);
                strace.detach();
            }
            service.upgrade();
            assertClean(load.stop(), service);
        }
    }

    /** The child has crashed, and the system does not say how. */
    @Test
    void aChildThatCannotBeWaitedFor() throws IOException {
        try (Service service = Service.testServer(directory).startAndAwait();
                StrictLoad load = load(service)) {
            long parent = service.pid();
            Files.writeString(directory.resolve("plan"), "exit0");
            try (Strace strace = Strace.inject(parent, "waitid", "EINVAL", "1")) {
                service.signal("HUP", parent);
                service.awaitMatch("waitid process \\d+: .*errno 22");
                service.awaitLog("upgrade: failed");
                strace.detach();
            }
            Await.until("no zombies", () -> Proc.zombies(parent).isEmpty(), service::log);
            Files.writeString(directory.resolve("plan"), "serve");
            service.upgrade();
            assertClean(load.stop(), service);
        }
    }

    private static StrictLoad load(Service service) throws IOException {
        return MixedLoad.builder(service.address())
                .rate(50)
                .connections(5)
                .newShare(0.5)
                .start();
    }

    private static void assertClean(LoadResult result, Service service) {
        assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + service.log());
    }

    /** The clients' sockets come and go. */
    private static SortedMap<Integer, String> withoutSockets(long pid) {
        SortedMap<Integer, String> descriptors = Proc.descriptors(pid);
        Pattern socket = Pattern.compile("socket:.*");
        descriptors.values().removeIf(socket.asMatchPredicate());
        return descriptors;
    }
}
