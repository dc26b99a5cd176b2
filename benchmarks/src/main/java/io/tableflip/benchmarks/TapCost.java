package io.tableflip.benchmarks;

import io.tableflip.benchmarks.ServerPairs.Measured;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** What it costs a server that its connections can be transferred, while they are not. */
final class TapCost {
    private TapCost() {}

    static void run(Run run) throws IOException, InterruptedException {
        Optional<Path> wrk = Machine.program("wrk");
        if (wrk.isEmpty()) {
            run.report().leaveOut("cost of HttpTransferHandler", "there is no wrk here (Debian: wrk)");
            return;
        }
        ServerPairs pairs = ServerPairs.measure(
                run,
                "transfer handler",
                wrk.get(),
                TransferringServer::program,
                directory -> TransferringServer.program(directory, TransferServer.TRANSFER));
        report(run.report(), pairs);
    }

    private static void report(Report report, ServerPairs pairs) {
        Sample rate = pairs.ratio(Measured::rate);
        Sample cpu = pairs.difference(Measured::cpuMicros);
        report.table("Cost of HttpTransferHandler", "", "requests/s", "p99, ms", "CPU of the server a request, µs")
                .row(pairs.firstRow("without it"))
                .row(pairs.secondRow("with it"))
                .row(
                        "ratio; difference of the CPU",
                        rate.text(3),
                        pairs.ratio(Measured::p99Millis).text(2),
                        cpu.text(2))
                .note(String.format(
                        "wrk as in the steady state, %d pairs of processes. Both servers have the handlers of the example server. 95%% confidence interval of the median:"
                                + " %.3f to %.3f for the ratio of the rates, %.2f to %.2f µs for the difference of the processor time.",
                        pairs.size(),
                        rate.confidence().low(),
                        rate.confidence().high(),
                        cpu.confidence().low(),
                        cpu.confidence().high()));
        report.bar(Bar.atMost("CPU of HttpTransferHandler a request", 0.3, cpu.median(), "µs"));
        report.bar(Bar.atLeast("throughput with HttpTransferHandler, against without", 0.95, rate.median(), "×"));
    }
}
