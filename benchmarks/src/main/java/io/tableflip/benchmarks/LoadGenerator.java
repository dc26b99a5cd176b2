package io.tableflip.benchmarks;

import java.io.IOException;
import java.time.Duration;

/** The client of a {@link LoadTrial}. */
interface LoadGenerator {
    /** Sends for so long, counts nothing. */
    void warm(int port, LoadTrial.Rates rates, Duration time) throws IOException, InterruptedException;

    /** Sends from here on, and counts. */
    void begin(int port, LoadTrial.Rates rates) throws IOException, InterruptedException;

    /** What was seen since {@link #begin}. Sends no more. */
    LoadRecord end() throws IOException, InterruptedException;
}
