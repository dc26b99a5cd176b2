package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** WebSocket sessions under load move from process to process. */
class WebSocketUpgradeIT {
    private static final int SESSIONS = 20;
    private static final int UPGRADES = 3;

    @TempDir
    Path directory;

    @Test
    void sessionsMoveWithoutLosingAMessage() throws IOException {
        try (Service service = Service.program(directory, WebSocketServer.class.getName())
                .arguments(directory.toString())
                .startAndAwait()) {
            URI address = URI.create("ws://127.0.0.1:" + service.address().getPort() + "/");
            Queue<String> errors = new ConcurrentLinkedQueue<>();
            HttpClient client = HttpClient.newHttpClient();
            List<WebSocketSession> sessions = new ArrayList<>();
            for (int i = 0; i < SESSIONS; i++) {
                WebSocketSession session = new WebSocketSession(client, address, errors);
                sessions.add(session);
                session.connect();
            }
            awaitGeneration(1, sessions, errors, service);
            for (int generation = 2; generation <= 1 + UPGRADES; generation++) {
                service.upgrade();
                awaitGeneration(generation, sessions, errors, service);
            }
            sessions.forEach(WebSocketSession::stop);
            Await.until("ended: all", () -> sessions.stream().allMatch(WebSocketSession::hasEnded), errors::toString);
            assertEquals(List.of(), List.copyOf(errors), service::log);
            sessions.forEach(session -> assertTrue(session.restarts() >= UPGRADES, service::log));
            String drained = SESSIONS + " finished, 0 idle closed, 0 forced; " + SESSIONS + " notified";
            assertEquals(UPGRADES, UpgradeIT.occurrences(service.log(), drained), service::log);
        }
    }

    private static void awaitGeneration(
            int generation, List<WebSocketSession> sessions, Queue<String> errors, Service service) {
        Await.until(
                "all answered by generation " + generation,
                () -> !errors.isEmpty() || sessions.stream().allMatch(session -> session.generation() == generation),
                service::log);
        assertEquals(List.of(), List.copyOf(errors), service::log);
    }
}
