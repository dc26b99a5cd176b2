package io.tableflip.benchmarks;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The client of one trial over HTTP/2: an {@link Http2Load} whose connections are made in the warming. Not thread-safe. */
final class Http2Generator implements LoadGenerator, AutoCloseable {
    static final int CONNECTIONS = 32;

    private static final int RECONNECTS = 3;

    private @Nullable Http2Load load;

    /** An upgrade makes clients connect anew: handshakes are warmed as well, on both sides. */
    @Override
    public void warm(int port, LoadTrial.Rates rates, Duration time) throws IOException, InterruptedException {
        long part = time.toNanos() / (RECONNECTS + 1);
        for (int i = 0; i < RECONNECTS; i++) {
            try (Http2Load leaving = start(port, rates)) {
                TimeUnit.NANOSECONDS.sleep(part);
                leaving.stop();
            }
        }
        load = start(port, rates);
        TimeUnit.NANOSECONDS.sleep(part);
    }

    private static Http2Load start(int port, LoadTrial.Rates rates) throws IOException {
        return Http2Load.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), port), rates.kept(), CONNECTIONS);
    }

    @Override
    public void begin(int port, LoadTrial.Rates rates) {
        started().forget();
    }

    private Http2Load started() {
        if (load == null) {
            throw new IllegalStateException("the warming comes first");
        }
        return load;
    }

    @Override
    public LoadRecord end() {
        Http2Load.Result seen = started().stop();
        return new LoadRecord(
                seen.outcomes(),
                List.of(),
                seen.idleEnds(),
                seen.idleBroken(),
                seen.slip().toNanos(),
                List.of());
    }

    @Override
    public void close() {
        if (load != null) {
            load.close();
        }
    }
}
