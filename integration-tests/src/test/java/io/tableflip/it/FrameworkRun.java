package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Upgrades an example for a framework under the load of that framework's own client. Once on the way an upgrade fails, since what
 * the new process needs is missing: the framework must go on serving.
 */
final class FrameworkRun {
    /** For tests of which each takes a whole machine, with two JVMs that start while a third makes load: one at a time. */
    static final String LOAD = "the load of a whole machine";

    private static final int UPGRADES = 3;

    private final Path directory;
    private final String module;
    private final String server;
    private final String client;
    private List<String> arguments = List.of();
    private boolean keepsConnections;

    FrameworkRun(Path directory, String module, String server, String client) {
        this.directory = directory;
        this.module = module;
        this.server = server;
        this.client = client;
    }

    /** Gives these to server and client, behind their other arguments. */
    FrameworkRun with(String... more) {
        arguments = List.of(more);
        return this;
    }

    /** A connection of HTTP/1.1 has to live through all upgrades. */
    FrameworkRun keepingConnections() {
        keepsConnections = true;
        return this;
    }

    /**
     * Runs server and client, and upgrades the server.
     *
     * @param kinds of calls that there must have been
     * @return the log of the service
     */
    String noCallFails(String... kinds) throws IOException, InterruptedException {
        Path greeting = Files.writeString(directory.resolve("greeting"), "greetings");
        try (Service service = Service.frameworkExample(directory, module, server)
                        .arguments(serverArguments(greeting))
                        .startAndAwait();
                FrameworkClient load = new FrameworkClient(directory, module, client, service.address(), arguments);
                KeptConnection kept = keepsConnections ? new KeptConnection(service.address()) : null) {
            load.awaitAnswerOf(1);
            ask(kept, 1, service);
            failingUpgrade(service, greeting);
            ask(kept, 1, service);
            for (int generation = 2; generation <= 1 + UPGRADES; generation++) {
                service.upgrade();
                load.awaitAnswerOf(generation);
                ask(kept, generation, service);
            }
            String counts = load.finish(service::log).stream()
                    .filter(line -> line.startsWith("calls="))
                    .findFirst()
                    .orElseThrow();
            System.out.println(module + ": " + counts);
            check(counts, kinds);
            noneWasCut(service);
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
            return service.log();
        }
    }

    /** A session ends with code 1012 in an upgrade, after the answer to each message, and begins again. */
    void webSocketsAreToldToConnectAgain() throws IOException {
        Path greeting = Files.writeString(directory.resolve("greeting"), "greetings");
        try (Service service = Service.frameworkExample(directory, module, server)
                .arguments(serverArguments(greeting))
                .startAndAwait()) {
            URI address = URI.create("ws://127.0.0.1:" + service.address().getPort() + "/ws");
            Queue<String> errors = new ConcurrentLinkedQueue<>();
            WebSocketSession session = new WebSocketSession(HttpClient.newHttpClient(), address, errors);
            session.connect();
            awaitAnswerOf(1, session, errors, service);
            service.upgrade();
            awaitAnswerOf(2, session, errors, service);
            assertEquals(1, session.restarts(), service::log);
            service.awaitMatch(
                    "drained: 1 connections: 0 transferred, 1 finished.*; not transferred: (websocket|unknown handshake) 1");
            session.stop();
            Await.until("the session has ended", session::hasEnded, errors::toString);
        }
    }

    private static void awaitAnswerOf(int generation, WebSocketSession session, Queue<String> errors, Service service) {
        Await.until(
                "a message is answered by generation " + generation,
                () -> !errors.isEmpty() || session.generation() == generation,
                service::log);
        assertEquals(List.of(), List.copyOf(errors), service::log);
    }

    private static void ask(@Nullable KeptConnection kept, int generation, Service service) {
        if (kept != null) {
            assertDoesNotThrow(() -> kept.ask("/", " of generation " + generation), service::log);
        }
    }

    private String[] serverArguments(Path greeting) {
        Stream<String> first =
                Stream.of("127.0.0.1", "0", directory.resolve("service.pid").toString(), greeting.toString());
        return Stream.concat(first, arguments.stream()).toArray(String[]::new);
    }

    private static void failingUpgrade(Service service, Path greeting) throws IOException {
        Path away = Files.move(greeting, greeting.resolveSibling("away"));
        long pid = service.pid();
        service.signal("HUP", pid);
        service.awaitLog("this process serves on: ");
        service.awaitProcesses(1);
        assertEquals(pid, service.pid());
        Files.move(away, greeting);
    }

    private static void check(String counts, String... kinds) {
        assertTrue(counts.contains(" failures=0 "), counts);
        IntStream.rangeClosed(1, 1 + UPGRADES)
                .forEach(generation -> assertTrue(counts.matches(".*generations=.*\\b" + generation + "=.*"), counts));
        for (String kind : kinds) {
            assertTrue(counts.matches(".*kinds=.*\\b" + kind + "=\\d+.*"), counts);
        }
    }

    /** The drain has ended by itself each time, not by its timeout. The child that fails may say too that it had nothing to drain. */
    private static void noneWasCut(Service service) {
        String log = service.log();
        assertEquals(UPGRADES, count("drained: [1-9]", log), log);
        assertEquals(count("drained: ", log), count("drained: .* 0 forced", log), log);
    }

    private static long count(String regex, String log) {
        return Pattern.compile(regex).matcher(log).results().count();
    }
}
