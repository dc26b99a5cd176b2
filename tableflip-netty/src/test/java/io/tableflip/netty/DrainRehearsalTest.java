package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.tableflip.core.DrainReport;
import io.tableflip.testsupport.Await;
import org.junit.jupiter.api.Test;

class DrainRehearsalTest {
    /** As a real one goes: each client is told, and none is cut. */
    @Test
    void allConnectionsLeaveAsTheyShould() {
        DrainReport report = DrainRehearsal.run();
        assertEquals(8, report.finished(), report::toString);
        assertEquals(8, report.told(), report::toString);
        assertEquals(0, report.idle() + report.forced(), report::toString);
    }

    @Test
    void itsThreadEnds() {
        DrainRehearsal.run();
        Await.until(
                "no thread left",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().equals("tableflip-rehearsal")));
    }
}
