package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What must fail before anything was built: a process has one upgrader, so one that is built stays. */
class UpgraderTest {
    private final Upgrader.Builder builder = Upgrader.builder();

    @Test
    void refusesTimesThatAreNone() {
        for (Duration bad : new Duration[] {Duration.ZERO, Duration.ofMillis(-1)}) {
            assertThrows(IllegalArgumentException.class, () -> builder.upgradeTimeout(bad));
            assertThrows(IllegalArgumentException.class, () -> builder.drainTimeout(bad));
            assertThrows(IllegalArgumentException.class, () -> builder.exitDeadline(bad));
        }
        assertThrows(IllegalArgumentException.class, () -> builder.maxDrainBeforeCommit(Duration.ofMillis(-1)));
        builder.maxDrainBeforeCommit(Duration.ZERO);
    }

    @Test
    @SuppressWarnings("NullAway") // what a user may do
    void refusesNull() {
        assertThrows(NullPointerException.class, () -> builder.pidFile(null));
        assertThrows(NullPointerException.class, () -> builder.listener(null));
        assertThrows(NullPointerException.class, () -> builder.childCommand(null));
        assertThrows(NullPointerException.class, () -> builder.resourceCheck(null));
        assertThrows(NullPointerException.class, () -> builder.upgradeOn((String) null));
    }

    @Test
    void refusesSignalsThatCannotBe() {
        IllegalArgumentException twice = assertThrows(
                IllegalArgumentException.class,
                () -> Upgrader.builder()
                        .upgradeOn("USR2")
                        .stopOn("TERM", "USR2")
                        .build());
        assertEquals("one signal cannot both upgrade and stop: [USR2]", twice.getMessage());
        // a failed attempt leaves neither a handler nor the mark that there is an upgrader
        for (int i = 0; i < 2; i++) {
            IllegalArgumentException unknown = assertThrows(
                    IllegalArgumentException.class,
                    () -> Upgrader.builder().upgradeOn("USR2", "HANGUP").build());
            assertEquals("there is no signal SIGHANGUP", unknown.getMessage());
        }
    }
}
