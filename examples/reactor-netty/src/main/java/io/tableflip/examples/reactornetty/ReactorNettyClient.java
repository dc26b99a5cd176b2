package io.tableflip.examples.reactornetty;

import static java.util.Objects.requireNonNull;

import io.tableflip.examples.SteadyCalls;
import java.time.Duration;
import java.util.List;
import reactor.netty.http.client.HttpClient;

/** Calls the example over connections that live long and over new ones, never twice. Arguments: host and port. */
public final class ReactorNettyClient {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private ReactorNettyClient() {}

    public static void main(String[] args) throws Exception {
        String base = "http://" + args[0] + ":" + args[1];
        HttpClient pooled = HttpClient.create().baseUrl(base).disableRetry(true);
        HttpClient fresh =
                HttpClient.newConnection().baseUrl(base).disableRetry(true).keepAlive(false);
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

    private static String get(HttpClient client, String path) {
        return requireNonNull(client.get()
                .uri(path)
                .responseSingle((response, body) -> {
                    if (response.status().code() != 200) {
                        throw new IllegalStateException(response.status().toString());
                    }
                    return body.asString();
                })
                .block(LIMIT));
    }

    /** All lines of a streamed answer, which must be whole and from one process. */
    private static String stream(HttpClient client) {
        List<String> lines = get(client, "/stream").lines().toList();
        if (lines.size() != ReactorNettyExample.STREAMED
                || lines.stream().distinct().count() != 1) {
            throw new IllegalStateException("not a whole answer: " + lines);
        }
        return lines.get(0);
    }
}
