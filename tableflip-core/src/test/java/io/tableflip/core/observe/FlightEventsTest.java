package io.tableflip.core.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.tableflip.core.DrainReport;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a real recording has of an upgrade. */
class FlightEventsTest {
    @TempDir
    Path directory;

    private List<String> record(Consumer<FlightEvents> life) throws IOException {
        Path file = directory.resolve("it.jfr");
        try (Recording recording = new Recording()) {
            recording.start();
            life.accept(new FlightEvents(2, 90, () -> 1234));
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().startsWith("io.tableflip."))
                .map(FlightEventsTest::text)
                .toList();
    }

    private static String text(RecordedEvent event) {
        StringBuilder text = new StringBuilder(event.getEventType().getLabel());
        event.getFields().stream()
                .map(field -> field.getName())
                .filter(name -> !List.of("startTime", "duration", "eventThread", "stackTrace", "sinceStart")
                        .contains(name))
                .forEach(name -> text.append(' ').append(name).append('=').append(event.<Object>getValue(name)));
        return text.toString();
    }

    @Test
    void anUpgradeWithItsStepsAndItsDrain() throws IOException {
        DrainReport report = DrainReport.builder()
                .finished(40)
                .idle(1)
                .forced(2)
                .notified(38)
                .build();
        List<String> events = record(parent -> {
            parent.serving();
            parent.parentExited();
            parent.upgradeBegan();
            parent.spawned(101);
            parent.takenOver(101);
            parent.drainBegan();
            parent.upgraded(101);
            parent.drained(report);
        });
        assertEquals(
                List.of(
                        "Serving generation=2 parentPid=90",
                        "Parent Exited parentPid=90",
                        "Upgrade Step step=spawned childPid=101",
                        "Upgrade Step step=takeover childPid=101",
                        "Upgrade Step step=commit childPid=101",
                        "Upgrade generation=3 childPid=101 result=UPGRADED message=",
                        "Drain connections=43 transferred=0 finished=40 idle=1 forced=2 notified=38"),
                events);
    }

    @Test
    void whatFailsAndWhatIsRefused() throws IOException {
        List<String> events = record(parent -> {
            parent.upgradeBegan();
            parent.upgradeRefused(new UpgradeException(Reason.IN_PROGRESS, "another upgrade"));
            parent.drainBegan();
            parent.upgradeFailed(new UpgradeException(Reason.TIMED_OUT, "late"));
            parent.drained(DrainReport.NOTHING);
        });
        assertEquals(
                List.of(
                        "Upgrade generation=3 childPid=0 result=REFUSED message=another upgrade",
                        "Upgrade generation=3 childPid=0 result=FAILED message=late"),
                events);
    }
}
