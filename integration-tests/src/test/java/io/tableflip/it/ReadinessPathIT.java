package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedStackTrace;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a new process does not do on its way to the takeover, nor the old one on its way out. */
@Tag("tools")
@Tag("jdk")
class ReadinessPathIT {
    private static final List<String> WAITS = List.of("jdk.ThreadSleep", "jdk.ThreadPark", "jdk.JavaMonitorWait");

    /** The thread of this one waits for tasks, and is woken by them; it has all timers. */
    private static final Set<String> WAIT_FOR_WORK = Set.of("io.tableflip.core.lifecycle.Loop");

    private static final String SERVING = "io.tableflip.Serving";

    @TempDir
    Path directory;

    /** Nothing is loaded of what makes native calls: that would cost half a second. */
    @Test
    void noNativeCodeBeforeTheTakeover() throws IOException {
        Path classes = directory.resolve("classes");
        Path go = directory.resolve("go");
        Files.createDirectory(classes);
        try (Service service = Service.testServer(directory)
                .jvmOptions("-Xlog:class+load:file=" + classes + "/%p")
                .startAndAwait()) {
            // keeps the child between takeover and commit
            CompletableFuture<String> slow = Http.start(service.address(), "/until?" + go);
            service.signal("HUP", service.pid());
            service.awaitLog("accepts connections");
            String loaded = Files.readString(classes.resolve(Long.toString(service.awaitSpawned())));
            assertTrue(loaded.contains("io.tableflip.core.lifecycle.Takeover"));
            assertEquals(
                    List.of(),
                    loaded.lines()
                            .filter(line -> line.contains(" jnr.") || line.contains(" com.kenai."))
                            .toList());
            Files.createFile(go);
            slow.join();
            service.awaitServing(2);
        }
    }

    /** Whatever this library waits for tells when it is there: nobody sleeps, or looks again and again. */
    @Test
    void nothingIsPolledBeforeTheCommit() throws IOException {
        Path recording = directory.resolve("child.jfr");
        try (Service service = Service.testServer(directory).startAndAwait()) {
            Files.writeString(directory.resolve("waits.jfc"), settings());
            Files.writeString(
                    directory.resolve("options"),
                    "-XX:StartFlightRecording=dumponexit=true,filename=" + recording + ",settings="
                            + directory.resolve("waits.jfc"));
            // waits a little: the proof that the recording has what it is to have
            Files.writeString(directory.resolve("plan"), "wait " + directory);
            service.signal("HUP", service.pid());
            service.awaitServing(2);
            long child = service.pid();
            service.awaitOnly(child);
            service.signal("TERM", child);
            service.awaitGone(child);
        }
        List<RecordedEvent> all = RecordingFile.readAllEvents(recording);
        RecordedEvent serving = all.stream()
                .filter(event -> event.getEventType().getName().equals(SERVING))
                .findFirst()
                .orElseThrow();
        List<RecordedEvent> polls = all.stream()
                .filter(event -> event.getStartTime().isBefore(serving.getStartTime()))
                .filter(ReadinessPathIT::isTimed)
                .toList();
        assertTrue(
                polls.stream().anyMatch(event -> hasFrame(event, "io.tableflip.it.PlannedServer"::equals)),
                all::toString);
        List<RecordedEvent> ours = polls.stream()
                .filter(event -> hasFrame(event, ReadinessPathIT::isOurs))
                .filter(event -> !hasFrame(event, WAIT_FOR_WORK::contains))
                .toList();
        assertEquals(List.of(), ours);
    }

    /** Of a recording: all waits, however short. */
    private static String settings() {
        return Stream.concat(WAITS.stream(), Stream.of(SERVING))
                .map(event -> """
                          <event name="%s">
                            <setting name="enabled">true</setting>
                            <setting name="stackTrace">true</setting>
                            <setting name="threshold">0 ns</setting>
                          </event>
                        """.formatted(event))
                .collect(Collectors.joining(
                        "",
                        "<configuration version=\"2.0\" label=\"waits\" provider=\"tableflip\">\n",
                        "</configuration>\n"));
    }

    /** A wait that ends by itself. */
    private static boolean isTimed(RecordedEvent event) {
        return switch (event.getEventType().getName()) {
            case "jdk.ThreadSleep" -> true;
            case "jdk.ThreadPark", "jdk.JavaMonitorWait" -> event.getLong("timeout") > 0;
            default -> false;
        };
    }

    private static boolean hasFrame(RecordedEvent event, Predicate<String> type) {
        RecordedStackTrace stack = event.getStackTrace();
        return stack != null
                && stack.getFrames().stream()
                        .anyMatch(frame -> type.test(frame.getMethod().getType().getName()));
    }

    private static boolean isOurs(String type) {
        return type.startsWith("io.tableflip.core.") || type.startsWith("io.tableflip.netty.");
    }
}
