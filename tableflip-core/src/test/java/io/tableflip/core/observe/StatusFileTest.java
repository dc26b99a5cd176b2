package io.tableflip.core.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.DrainReport;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.observe.UpgradeRecord.Result;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StatusFileTest {
    private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");

    private final Path directory;
    private final Path place;
    private final StatusFile ours;

    StatusFileTest(@TempDir Path directory) {
        this.directory = directory;
        place = directory.resolve("app.pid.status");
        ours = file(100);
    }

    private StatusFile file(long pid) {
        return new StatusFile(directory.resolve("app.pid"), pid, () -> status(pid));
    }

    private static ServiceStatus status(long pid, UpgradeRecord... upgrades) {
        return new ServiceStatus(
                pid, 77, 3, NOON, 90, false, "taking over", List.of("HUP"), 5, List.of(upgrades), null);
    }

    private Set<String> files() {
        return Set.of(directory.toFile().list());
    }

    private long writer() throws IOException {
        return Objects.requireNonNull(StatusFile.read(place)).pid();
    }

    @Test
    void whatIsWrittenIsRead() {
        ServiceStatus status = status(
                100,
                new UpgradeRecord(4, NOON, Duration.ofMillis(12), Result.REFUSED, 0, "a b=c"),
                new UpgradeRecord(5, NOON, Duration.ofMillis(1200), Result.RUNNING, 101, ""));
        assertEquals(status, ServiceStatus.parse(status.format()));
        ServiceStatus none = new ServiceStatus(1, 0, 1, NOON, 0, true, "serving", List.of(), 0, List.of(), null);
        assertEquals(none, ServiceStatus.parse(none.format()));
        ServiceStatus draining = none.with(new ServiceStatus.Drain(3, NOON));
        assertEquals(draining, ServiceStatus.parse(draining.format()));
    }

    @Test
    void aLineOfAMessageIsNoLineOfTheFile() {
        UpgradeRecord failed = new UpgradeRecord(5, NOON, Duration.ZERO, Result.FAILED, 7, "bind:\npid=1\n");
        ServiceStatus read = ServiceStatus.parse(status(100, failed).format());
        assertEquals(100, read.pid());
        assertEquals("bind:\\npid=1\\n", read.upgrades().get(0).message());
    }

    @Test
    void whatALaterVersionAddsIsSkipped() {
        assertEquals(
                status(100), ServiceStatus.parse("colour=green\n" + status(100).format() + "\nno key\n=\n"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "pid=1",
                "STATUS\npid=x",
                "STATUS\nupgrade=",
                "STATUS\nupgrade=1 FAILED soon 5 6 ",
                "STATUS\nupgrade=1 EATEN 2026-01-02T12:00:00Z 5 6 ",
                "STATUS\nupgrade=1 FAILED 2026-01-02T12:00:00Z -five 6 "
            })
    void garbageIsAnErrorThatNamesTheFile(String text) throws IOException {
        Files.writeString(place, text.replace("STATUS", status(100).format()));
        IOException e = assertThrows(IOException.class, () -> StatusFile.read(place));
        assertTrue(String.valueOf(e.getMessage()).startsWith(place + " makes no sense: "), e::toString);
    }

    @Test
    void nothingIsWrittenByWhoIsNotTheService() throws IOException {
        ours.parentExited();
        ours.stopping();
        ours.upgradeRefused(new UpgradeException(Reason.NOT_READY, "no"));
        assertEquals(Set.of(), files());
        ours.serving();
        assertEquals(100, writer());
        ours.upgraded(101);
        StatusFile child = file(101);
        child.serving();
        ours.stopping();
        ours.takenOver(101);
        assertEquals(101, writer());
        assertEquals(Set.of("app.pid.status"), files());
    }

    @Test
    void aParentThatWasReplacedWritesBesideHowItDrains() throws IOException {
        ours.serving();
        ours.draining(() -> 7, NOON);
        assertEquals(new ServiceStatus.Drain(7, NOON), read(place).drain());
        ours.upgraded(101);
        StatusFile child = file(101);
        child.serving();
        ours.draining(() -> 5, NOON);
        Path old = directory.resolve("app.pid.status.old");
        assertEquals(new ServiceStatus.Drain(5, NOON), read(old).drain());
        assertEquals(101, writer());
        ours.drained(DrainReport.NOTHING);
        assertEquals(Set.of("app.pid.status"), files());
    }

    @Test
    void aParentThatWasKilledAsItDrainedLeavesNothing() throws IOException {
        ours.serving();
        ours.upgraded(101);
        ours.draining(() -> 5, NOON);
        StatusFile child = file(101);
        child.serving();
        child.parentExited();
        assertEquals(Set.of("app.pid.status"), files());
    }

    private static ServiceStatus read(Path file) throws IOException {
        return Objects.requireNonNull(StatusFile.read(file));
    }

    @Test
    void theChildHasTheLastWord() throws IOException {
        ours.serving();
        StatusFile child = file(101);
        child.serving();
        ours.takenOver(101); // its thread was late
        child.parentExited();
        assertEquals(101, writer());
    }

    @Test
    void aServiceThatTakesItselfBackWritesAgain() throws IOException {
        ours.serving();
        StatusFile child = file(101);
        child.serving();
        ours.upgradeFailed(new UpgradeException(Reason.TIMED_OUT, "late"));
        assertEquals(100, writer());
        child.remove();
        assertEquals(100, writer());
    }

    @Test
    void onlyTheServicesUserMayReadIt() throws IOException {
        ours.serving();
        assertEquals(PosixFilePermissions.fromString("rw-------"), Files.getPosixFilePermissions(place));
    }

    @Test
    void symbolicLinksAreReplacedAndNotFollowed() throws IOException {
        Path precious = Files.writeString(directory.resolve("precious"), "gold");
        Files.createSymbolicLink(place, precious);
        Files.createSymbolicLink(directory.resolve(".app.pid.status.100"), precious);
        ours.serving();
        assertEquals("gold", Files.readString(precious));
        assertFalse(Files.isSymbolicLink(place));
        assertEquals(Set.of("precious", "app.pid.status"), files());
    }

    @Test
    void itIsRemovedOnceAndNotWrittenAgain() throws IOException {
        ours.serving();
        Files.writeString(directory.resolve(".app.pid.status.100"), "half");
        ours.remove();
        ours.stopping();
        assertEquals(Set.of(), files());
        assertNull(StatusFile.read(place));
    }

    @Test
    void whatCannotBeWrittenIsSaidOnce() throws IOException {
        try (Logs logs = new Logs()) {
            StatusFile nowhere = new StatusFile(directory.resolve("gone/app.pid"), 100, () -> status(100));
            nowhere.serving();
            nowhere.upgradeBegan();
            nowhere.remove();
            long warnings = Arrays.stream(logs.toString().split("\n"))
                    .filter(line -> line.startsWith(
                            "WARNING status file " + directory + "/gone/app.pid.status cannot be written"))
                    .count();
            assertEquals(1, warnings, logs::toString);
        }
    }
}
