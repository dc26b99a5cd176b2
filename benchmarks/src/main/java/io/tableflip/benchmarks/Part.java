package io.tableflip.benchmarks;

import java.io.IOException;

/** One thing that is measured. */
interface Part {
    /** By which it is chosen on the command line. */
    String name();

    /**
     * Measures, and tells the report.
     *
     * @throws BenchmarkException if a server does not do what it should: no figure is better than a wrong one
     */
    void run(Run run) throws IOException, InterruptedException;
}
