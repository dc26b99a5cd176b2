package io.tableflip.core.observe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.lifecycle.Service;
import io.tableflip.testsupport.Logs;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SdNotifyTest {
    private final UpgradeException failed =
            new UpgradeException(Reason.CHILD_FAILED, "bind 0.0.0.0:80:\nMAINPID=1", null, 5, 1);
    private static final String RELOADING = "RELOADING=1\nMONOTONIC_USEC=7\nEXTEND_TIMEOUT_USEC=70000000";

    private final List<String> sent = new ArrayList<>();
    private final List<Runnable> later = new ArrayList<>();
    private @Nullable SystemCallException failure;

    private SdNotify notify(boolean hasParent, int generation) {
        return new SdNotify(
                this::send,
                (delay, task) -> later.add(task),
                () -> 7_500,
                hasParent,
                generation,
                Duration.ofMinutes(1));
    }

    private void send(byte[] message) throws SystemCallException {
        if (failure != null) {
            throw failure;
        }
        sent.add(new String(message, UTF_8));
    }

    private void assertSent(String... messages) {
        assertEquals(List.of(messages), sent);
        sent.clear();
    }

    @Test
    void aFirstGenerationIsReadyWhenItServes() {
        SdNotify first = notify(false, 1);
        assertSent();
        first.serving();
        assertSent("READY=1\nSTATUS=generation 1 serves");
        assertEquals(List.of(), later);
    }

    @Test
    void anUpgradeIsAReloadThatTheNewProcessEnds() {
        SdNotify parent = notify(false, 1);
        parent.serving();
        sent.clear();
        parent.upgradeBegan();
        assertSent(RELOADING + "\nSTATUS=upgrading: generation 2 starts");
        parent.takenOver(12);
        parent.draining(() -> 42, Instant.EPOCH);
        assertSent(
                "STATUS=generation 2 (pid 12) accepts connections, this process drains",
                "STATUS=upgrading, draining 42 connections\nEXTEND_TIMEOUT_USEC=10000000");
        parent.upgraded(12);
        parent.draining(() -> 1, Instant.EPOCH);
        assertSent(
                "STATUS=generation 2 (pid 12) is the service",
                "STATUS=upgraded, draining 1 connection\nEXTEND_TIMEOUT_USEC=10000000");

        SdNotify child = notify(true, 2);
        child.serving();
        assertSent();
        child.parentExited();
        assertSent("READY=1\nSTATUS=generation 2 serves");
        later.forEach(Runnable::run);
        assertSent("READY=1", "READY=1");
    }

    @Test
    void aParentThatHasGoneBeforeIsNotWaitedFor() {
        SdNotify child = notify(true, 2);
        child.parentExited();
        assertSent();
        child.serving();
        assertSent("READY=1\nSTATUS=generation 2 serves");
    }

    @Test
    void whatIsSaidAgainDoesNotEndTheNextReload() {
        SdNotify child = notify(true, 2);
        child.serving();
        child.parentExited();
        child.upgradeBegan();
        sent.clear();
        later.forEach(Runnable::run);
        assertSent();
        child.upgradeFailed(failed);
        child.stopping();
        sent.clear();
        later.forEach(Runnable::run);
        assertSent();
    }

    @Test
    void anUpgradeThatFailsLeavesTheServiceReadyAndSaysWhy() {
        SdNotify parent = notify(false, 1);
        parent.serving();
        parent.upgradeBegan();
        sent.clear();
        parent.upgradeFailed(failed);
        assertSent("READY=1\nSTATUS=generation 1 serves on, upgrade failed: bind 0.0.0.0:80:\\nMAINPID=1");
        parent.draining(() -> 3, Instant.EPOCH);
        assertSent();
    }

    @Test
    void aReloadThatIsRefusedEnds() {
        SdNotify parent = notify(false, 1);
        UpgradeException refusal = new UpgradeException(Reason.NOT_READY, "not ready yet");
        parent.upgradeRefused(refusal);
        assertSent();
        parent.serving();
        sent.clear();
        parent.upgradeRefused(refusal);
        assertSent(
                RELOADING + "\nSTATUS=upgrade refused",
                "READY=1\nSTATUS=generation 1 serves on, upgrade refused: not ready yet");
        parent.upgradeBegan();
        sent.clear();
        parent.upgradeRefused(refusal); // the answer to the one that runs will come
        assertSent(RELOADING);
        parent.upgraded(2);
        sent.clear();
        parent.upgradeRefused(refusal); // and so will that of the new process
        assertSent(RELOADING);
        parent.stopping();
        SdNotify child = notify(true, 2);
        child.serving();
        child.upgradeRefused(refusal);
        child.parentExited();
        assertSent(RELOADING, "READY=1\nSTATUS=generation 2 serves");
        child.stopping();
        sent.clear();
        child.upgradeRefused(refusal);
        assertSent();
    }

    @Test
    void onlyTheServiceStopsTheUnit() {
        SdNotify first = notify(false, 1);
        first.stopping();
        first.draining(() -> 2, Instant.EPOCH);
        assertSent(
                "STOPPING=1\nSTATUS=stopping", "STATUS=stopping, draining 2 connections\nEXTEND_TIMEOUT_USEC=10000000");
        SdNotify child = notify(true, 2);
        child.stopping(); // a failed upgrade is no end of the unit
        assertSent();
        SdNotify replaced = notify(false, 1);
        replaced.serving();
        replaced.upgradeBegan();
        replaced.upgraded(3);
        sent.clear();
        replaced.stopping();
        assertSent();
    }

    @Test
    void whoCannotBeReachedIsNamedOnce() {
        SdNotify first = notify(false, 1);
        failure = new SystemCallException("sendto", 111, "Connection refused", "/run/systemd/notify");
        try (Logs logs = new Logs()) {
            first.serving();
            first.upgradeBegan();
            assertEquals(2, logs.toString().split("systemd cannot be told", -1).length, logs::toString);
        }
        failure = null;
        first.upgradeFailed(failed);
        assertEquals(1, sent.size());
    }

    @Test
    void addresses() {
        assertEquals(Optional.empty(), SdNotify.address(Map.of()));
        assertEquals(Optional.empty(), SdNotify.address(Map.of("NOTIFY_SOCKET", "")));
        assertArrayEquals("/run/n".getBytes(UTF_8), address("/run/n").orElseThrow());
        assertArrayEquals("\0name".getBytes(UTF_8), address("@name").orElseThrow());
        assertEquals(107, address("/" + "x".repeat(106)).orElseThrow().length);
        try (Logs logs = new Logs()) {
            assertEquals(Optional.empty(), address("relative"));
            assertTrue(logs.has("neither a path nor an abstract name"), logs::toString);
            assertEquals(Optional.empty(), address("vsock:2:1"));
            assertEquals(Optional.empty(), address("@"));
            assertEquals(Optional.empty(), address("/" + "x".repeat(107)));
            assertTrue(logs.has("longer than a Unix socket may be"), logs::toString);
        }
    }

    private static Optional<byte[]> address(String text) {
        return SdNotify.address(Map.of("NOTIFY_SOCKET", text));
    }

    // ---- real processes

    @Test
    void systemdHearsOfAnUpgradeAndOfAFailedOneAndOfTheStop(@TempDir Path directory) throws Exception {
        String path = directory.resolve("notify").toString();
        try (NotifySocket systemd = new NotifySocket(path);
                Service service = new Service.Start()
                        .variable("NOTIFY_SOCKET", path)
                        .option("gen2", "crash")
                        .go()) {
            long first = service.awaitPid(1, "ready$");
            systemd.await("READY=1\nSTATUS=generation 1 serves");
            service.hangUp(first);
            systemd.await("RELOADING=1\nMONOTONIC_USEC=\\d+\nEXTEND_TIMEOUT_USEC=\\d+\nSTATUS=.*generation 2 starts");
            systemd.await("READY=1\nSTATUS=generation 1 serves on, upgrade failed: .*");
            service.stop(first);
            systemd.await("STOPPING=1\n.*");
        }
    }

    @Test
    void theNewProcessIsReadyWhenTheOldOneHasGone() throws Exception {
        String name = "@tableflip-test-" + ProcessHandle.current().pid();
        try (NotifySocket systemd = new NotifySocket(name);
                Service service =
                        new Service.Start().variable("NOTIFY_SOCKET", name).go()) {
            service.upgrade(1);
            systemd.await("READY=1\nSTATUS=generation 2 serves");
            systemd.await("STATUS=generation 2 \\(pid \\d+\\) is the service");
            assertTrue(
                    systemd.messages().stream().noneMatch(message -> message.contains("MAINPID")),
                    () -> "see the class");
            service.stop(service.awaitPid(2, "ready$"));
            systemd.await("STOPPING=1\n.*");
        }
    }

    @Tag("slow")
    @Test
    void anUnreachableSocketHurtsNobody(@TempDir Path directory) throws Exception {
        try (Service service = new Service.Start()
                .variable("NOTIFY_SOCKET", directory.resolve("nobody").toString())
                .go()) {
            service.awaitPid(1, "ready$");
            service.await("systemd cannot be told");
            service.upgrade(1);
            service.stop(service.awaitPid(2, "ready$"));
        }
    }
}
