package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Collectors;

/** This side of the {@link StayingClient}. Not thread-safe. */
final class StayingDriver implements AutoCloseable {
    private final ClientProcess client;
    private final Path file;

    private StayingDriver(ClientProcess client, Path file) {
        this.client = client;
        this.file = file;
    }

    /** @param directory for a file */
    static StayingDriver start(Path directory) throws IOException, InterruptedException {
        return new StayingDriver(ClientProcess.start(StayingClient.class), directory.resolve("record"));
    }

    /** How it shares the processors with the servers, in a sentence. */
    String priority() {
        return client.priority();
    }

    /** Makes so many connections of each kind, and returns when each of them has had an answer. */
    void begin(int port, Map<StayingKind, Integer> numbers) throws IOException {
        client.command("begin " + port + " "
                + numbers.entrySet().stream()
                        .map(entry -> entry.getKey().name() + "=" + entry.getValue())
                        .collect(Collectors.joining(" ")));
    }

    /** How many connections the server has neither closed nor announced to close. */
    long open() throws IOException {
        return Long.parseLong(client.command("open"));
    }

    /** Ends what the clients do, waits for the last answers, and closes the connections. */
    StayingRecord end() throws IOException {
        client.command("end " + file);
        try {
            return StayingRecord.read(file);
        } finally {
            Files.delete(file);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
