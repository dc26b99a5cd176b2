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

    private @Nullable Http2Load load;

    @Override
    public void warm(int port, LoadTrial.Rates rates, Duration time) throws IOException, InterruptedException {
        started(port, rates);
        TimeUnit.NANOSECONDS.sleep(time.toNanos());
    }

    @Override
    public void begin(int port, LoadTrial.Rates rates) throws IOException {
        started(port, rates).forget();
    }

    private Http2Load started(int port, LoadTrial.Rates rates) throws IOException {
        if (load == null) {
            load = Http2Load.start(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), port), rates.kept(), CONNECTIONS);
        }
        return load;
    }

    @Override
    public LoadRecord end() {
        if (load == null) {
            throw new IllegalStateException("nothing has begun");
        }
        Http2Load.Result seen = load.stop();
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
