package io.tableflip.benchmarks;

import java.io.IOException;

/** Connections that survive an upgrade: what their clients see, and what it costs. */
final class ConnectionsPart implements Part {
    @Override
    public String name() {
        return "connections";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        try (StayingDriver client = StayingDriver.start(run.newDirectory("client"))) {
            StayingTrials.run(run, client);
            SilenceTrials.run(run, client);
            ExitTrials.run(run, client);
        }
        TransferGrowth.run(run);
        TapCost.run(run);
    }
}
