package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.benchmarks.Run.Scale;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("benchmarks")
class SteadyPartTest {
    private static final String OUTPUT = """
            Running 2s test @ http://127.0.0.1:40001/
              1 threads and 32 connections
              Thread Stats   Avg      Stdev     Max   +/- Stdev
                Latency   350.12us  411.02us  12.01ms   96.02%
                Req/Sec   101.12k     3.12k  104.01k    85.00%
              Latency Distribution
                 50%  301.00us
                 75%  350.00us
                 90%  430.00us
                 99%    1.25ms
              201312 requests in 2.00s, 25.12MB read
            Requests/sec: 100656.51
            Transfer/sec:     12.56MB
            """;

    @Test
    void readsWhatWrkSays() {
        assertEquals(new Wrk(201312, 100656.51, 1.25), Wrk.parse(OUTPUT));
        assertEquals(0.95, Wrk.parse(OUTPUT.replace("1.25ms", "950us")).p99Millis(), 1e-9);
        assertEquals(2500, Wrk.parse(OUTPUT.replace("1.25ms", "2.50s")).p99Millis());
        String errors =
                OUTPUT.replace("Requests/sec", "  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec");
        BenchmarkException seen = assertThrows(BenchmarkException.class, () -> Wrk.parse(errors));
        assertTrue(seen.toString().contains("read 3"), seen::toString);
        assertThrows(BenchmarkException.class, () -> Wrk.parse("unable to connect"));
    }

    @Test
    void measuresBothOrSaysWhyNot() throws IOException, InterruptedException {
        Report report = Bench.run(Scale.SMOKE, List.of(new SteadyPart()));
        String text = report.markdown();
        if (Machine.program("wrk").isEmpty()) {
            assertTrue(text.contains("left out: steady throughput: there is no wrk here"), text);
        } else {
            assertTrue(text.matches("(?s).*\\| with tableflip +\\| \\d{3,} .*\\| ratio +\\| [01]\\.\\d+ .*"), text);
            assertEquals(1, report.bars().size());
        }
    }
}
