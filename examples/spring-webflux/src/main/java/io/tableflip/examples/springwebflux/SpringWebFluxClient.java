package io.tableflip.examples.springwebflux;

import static java.util.Objects.requireNonNull;

import io.tableflip.examples.SteadyCalls;
import java.time.Duration;
import java.util.List;
import org.springframework.http.client.reactive.ReactorClientHttpConnector;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.netty.http.client.HttpClient;

/** Calls the example over connections that live long and over new ones, never twice. Arguments: host and port. */
public final class SpringWebFluxClient {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private SpringWebFluxClient() {}

    public static void main(String[] args) throws Exception {
        String base = "http://" + args[0] + ":" + args[1];
        WebClient pooled = client(base, HttpClient.create());
        WebClient fresh = client(base, HttpClient.newConnection().keepAlive(false));
        int status = new SteadyCalls()
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("new", () -> get(fresh, "/"))
                .caller("stream", () -> stream(pooled))
                .caller("stream", () -> stream(pooled))
                .run();
        System.exit(status);
    }

    private static WebClient client(String base, HttpClient client) {
        return WebClient.builder()
                .baseUrl(base)
                .clientConnector(new ReactorClientHttpConnector(client.disableRetry(true)))
                .build();
    }

    private static String get(WebClient client, String path) {
        return requireNonNull(
                client.get().uri(path).retrieve().bodyToMono(String.class).block(LIMIT));
    }

    /** All lines of a streamed answer, which must be whole and from one process. */
    private static String stream(WebClient client) {
        List<String> lines = get(client, "/stream").lines().toList();
        if (lines.size() != SpringWebFluxExample.STREAMED
                || lines.stream().distinct().count() != 1) {
            throw new IllegalStateException("not a whole answer: " + lines);
        }
        return lines.get(0);
    }
}
