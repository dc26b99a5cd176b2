package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DrainReportTest {
    private static final DrainReport HTTP =
            DrainReport.builder().finished(40).notified(38).build();
    private static final DrainReport WEBSOCKET =
            DrainReport.builder().idle(1).forced(1).build();

    @Test
    void aLineForPeople() {
        DrainReport.Builder builder = DrainReport.builder()
                .finished(40)
                .idle(1)
                .forced(1)
                .notified(38)
                .elapsed(Duration.ofMillis(1204));
        String whole = "42 connections: 40 finished, 1 idle closed, 1 forced; 38 notified; 1204 ms";
        assertEquals(whole, builder.build().toString());
        assertEquals(
                whole + " (http/1.1: 40 finished, 38 notified; websocket: 1 idle closed, 1 forced)",
                builder.protocol("websocket", WEBSOCKET)
                        .protocol("http/1.1", HTTP)
                        .build()
                        .toString());
    }

    @Test
    void aProtocolWithoutCountsAndANameThatWouldForgeALine() {
        DrainReport report =
                DrainReport.builder().protocol("a\nb", DrainReport.NOTHING).build();
        assertEquals(
                "0 connections: 0 finished, 0 idle closed, 0 forced; 0 notified; 0 ms (a\\nb: none)",
                report.toString());
    }

    @Test
    void theSumCountsByProtocolToo() {
        DrainReport one =
                DrainReport.builder().finished(40).protocol("http/1.1", HTTP).build();
        DrainReport other = DrainReport.builder()
                .finished(40)
                .protocol("websocket", WEBSOCKET)
                .protocol("http/1.1", HTTP)
                .build();
        DrainReport sum = one.plus(other);
        assertEquals(80, sum.finished());
        assertEquals(
                List.of("http/1.1", "websocket"), List.copyOf(sum.protocols().keySet()));
        assertEquals(80, counts(sum, "http/1.1").finished());
        assertEquals(76, counts(sum, "http/1.1").notified());
        assertEquals(1, counts(sum, "websocket").forced());
        assertEquals(40, counts(one, "http/1.1").finished());
        assertEquals(sum.toString(), DrainReport.NOTHING.plus(sum).toString());
    }

    @Test
    void whatWasBuiltStays() {
        DrainReport.Builder builder = DrainReport.builder();
        DrainReport report = builder.build();
        builder.protocol("http/1.1", HTTP);
        assertEquals(Map.of(), report.protocols());
        assertThrows(
                UnsupportedOperationException.class, () -> report.protocols().put("http/1.1", HTTP));
    }

    private static DrainReport counts(DrainReport report, String protocol) {
        return report.protocols().getOrDefault(protocol, DrainReport.NOTHING);
    }
}
