package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.ClassLog.Origin;
import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class ReadinessPartTest {
    @Test
    void readsWhatTheJvmSays() {
        ClassLog log = ClassLog.parse("""
                [13321568ns] java.lang.Object source: shared objects file
                [200000000ns] io.tableflip.examples.Main source: file:/examples.jar
                [210000000ns] io.netty.channel.Channel source: file:/netty-transport.jar
                [211000000ns] java.time.format.Parsed source: jrt:/java.base
                [212000000ns] java.time.Instant$$Lambda$239/0x00007f74c4157200 source: java.time.Instant
                [213000000ns] jdk.proxy2.$Proxy7 source: __JVM_DefineClass__
                [214500000ns] io.tableflip.core.Upgrader source: file:/tableflip-core.jar
                """);
        assertEquals(
                new ClassLog(
                        Map.of(
                                Origin.ARCHIVED, 1,
                                Origin.JDK, 1,
                                Origin.MADE, 2,
                                Origin.NETTY, 1,
                                Origin.TABLEFLIP, 1,
                                Origin.OTHER, 1),
                        200,
                        214.5),
                log);
        assertEquals(7, log.total());
    }

    @Test
    void countsBothProcesses() throws IOException, InterruptedException {
        String report = Bench.run(Scale.SMOKE, List.of(new ReadinessPart())).markdown();
        assertTrue(report.matches("(?s).*\\n\\| tableflip +\\| 0 [^|]*\\| [1-9]\\d+ .*"), report);
        assertTrue(report.matches("(?s).*\\n\\| Netty +\\| [1-9]\\d+ [^|]*\\| [1-9]\\d+ .*"), report);
    }
}
