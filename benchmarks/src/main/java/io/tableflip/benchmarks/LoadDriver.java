package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** This side of the {@link LoadClient}. Not thread-safe. */
final class LoadDriver implements LoadGenerator, AutoCloseable {
    private final ClientProcess client;
    private final Path file;

    private LoadDriver(ClientProcess client, Path file) {
        this.client = client;
        this.file = file;
    }

    /** @param directory for a file */
    static LoadDriver start(Path directory) throws IOException, InterruptedException {
        return new LoadDriver(ClientProcess.start(LoadClient.class), directory.resolve("outcomes"));
    }

    /** How it shares the processors with the servers, in a sentence. */
    String priority() {
        return client.priority();
    }

    @Override
    public void warm(int port, LoadTrial.Rates rates, Duration time) throws IOException {
        client.command("warm " + target(port, rates) + " " + time.toMillis());
    }

    @Override
    public void begin(int port, LoadTrial.Rates rates) throws IOException {
        client.command("begin " + target(port, rates));
    }

    private static String target(int port, LoadTrial.Rates rates) {
        return port + " " + rates.kept() + " " + rates.fresh();
    }

    @Override
    public LoadRecord end() throws IOException {
        client.command("end " + file);
        try {
            return LoadRecord.read(file);
        } finally {
            Files.delete(file);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
