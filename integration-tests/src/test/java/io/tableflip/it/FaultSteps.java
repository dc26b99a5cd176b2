package io.tableflip.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.tableflip.core.DrainReport;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.Participant;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Where {@link FaultServer} stands: it writes each event into the file {@code trace} of its directory, and stops or throws there if the
 * files {@code hold} and {@code throw} say so. It goes on as soon as there is a file {@code released}.
 */
final class FaultSteps {
    private final Path directory;

    FaultSteps(Path directory) {
        this.directory = directory;
    }

    void reached(String event) {
        try {
            note(event);
            if (words("throw").contains(event)) {
                note("throws " + event);
                throw new IllegalStateException("the test says: throw at " + event);
            }
            while (words("hold").contains(event) && !Files.exists(directory.resolve("released"))) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void note(String event) throws IOException {
        String line = ProcessHandle.current().pid() + " " + event + "\n";
        Files.write(
                directory.resolve("trace"), line.getBytes(UTF_8), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private List<String> words(String file) throws IOException {
        Path path = directory.resolve(file);
        return Files.exists(path) ? Arrays.asList(Files.readString(path).strip().split("\\s+", -1)) : List.of();
    }

    /** A part of the program that has nothing to do but to be called. */
    Participant participant() {
        return new Participant() {
            @Override
            public CompletionStage<?> pause() {
                reached("pause");
                return CompletableFuture.completedFuture(null);
            }

            @Override
            public CompletionStage<DrainReport> drain(Duration timeout) {
                reached("drain");
                return CompletableFuture.completedFuture(DrainReport.NOTHING);
            }

            @Override
            public CompletionStage<?> resume() {
                reached("resume");
                return CompletableFuture.completedFuture(null);
            }

            @Override
            public CompletionStage<?> release() {
                reached("release");
                return CompletableFuture.completedFuture(null);
            }
        };
    }

    LifecycleListener listener() {
        return new LifecycleListener() {
            @Override
            public void spawned(long pid) {
                reached("spawned");
            }

            @Override
            public void drained(DrainReport report) {
                reached("drained");
            }

            @Override
            public void committed(long pid) {
                reached("committed");
            }
        };
    }
}
